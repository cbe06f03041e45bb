"""The rows of runs: of the apply that has just ended, and of one that the history knows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

from reconciler.applying import Applied
from reconciler.history import RunRecord
from reconciler.names import Shown, printable
from reconciler.planning.verdicts import Verdict
from reconciler.quantities import both_sizes, plural
from reconciler.report.rows import Remark, Row, Sheet, Weight, plan_sheet, shortest
from reconciler.transaction import Fate, ModelFate, RunResult
from reconciler.transaction.result import Freed

FATES = {
    Fate.PURGED: "deleted",
    Fate.QUARANTINED: "quarantined",
    Fate.RESTORED: "put back",
    Fate.UNTOUCHED: "untouched",
    Fate.FAILED: "FAILED",
}
"""What the fate of a model is called where people read it."""

GONE = {Fate.PURGED, Fate.QUARANTINED}


def moment(seconds: float) -> str:
    """Seconds since 1970 as UTC in words."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def came_free(freed: Freed) -> str:
    """What came free, in words; a measure below zero is what others and the journal wrote meanwhile."""
    if freed.measured > 0:
        return f"{both_sizes(freed.measured)} came free"
    return "nothing came free" + (" (others, or the journal, took more meanwhile)" if freed.measured else "")


def outcome_of_apply(run: RunResult | None) -> str:
    """An apply in a word, as machines read it."""
    return "nothing-to-do" if run is None else "applied" if run.complete else "partial"


def applied_sheet(applied: Applied, *, base: str) -> Sheet:
    """What an apply did: the rows of its plan with the fate of each model."""
    planned = plan_sheet(applied.plan, base=base)
    if applied.run is None:
        headline = "Nothing to do: every model is as the manifest says"
        remarks = tuple(_remarks(applied))
        return Sheet(planned.name, outcome_of_apply(None), headline, planned.rows, remarks, planned.facts, done=True)
    rows = tuple(_with_fates(planned.rows, applied.run.models))
    return Sheet(
        name=planned.name,
        outcome=outcome_of_apply(applied.run),
        headline=_headline(rows, applied.run),
        rows=rows,
        remarks=tuple(_remarks(applied)),
        facts={**planned.facts, "Run": applied.run.run},
        done=True,
    )


def run_sheet(record: RunRecord, *, base: str) -> Sheet:
    """What the history knows of one run, with the fate that its models have today."""
    sizes = {file.name: file.size for file in record.files}
    header = {str(key).replace("_", " ").capitalize(): shortest(value, base) for key, value in record.header.items()
              if isinstance(value, str)}  # fmt: skip
    return Sheet(
        name=str(record.header.get("manifest_name", "")),
        outcome="done",
        headline=f"Run {record.run}: {record.kind}, {plural(len(record.models), 'model')}, {record.state}",
        rows=tuple(_row(model, sizes) for model in record.models),
        remarks=(_message(record.cause),) if record.cause else (),
        facts={**header, "Run": record.run, "Run digest": record.digest},
        done=True,
    )


def _with_fates(rows: Iterable[Row], models: Iterable[ModelFate]) -> Iterator[Row]:
    fates = {model.name: model for model in models}
    for row in rows:
        model = fates.get(row.name) if row.verdict is Verdict.DELETE else None
        yield row if model is None else _fated(row, model)


def _fated(row: Row, model: ModelFate) -> Row:
    cause = Shown(model.cause)
    why = Shown(f"{printable(row.why)}; {cause}") if row.why and cause else row.why or cause
    status, weight = FATES[model.fate], _weight(model)
    return Row(status, row.verdict, row.name, row.path, row.size, row.listed, why, row.place, weight)


def _weight(model: ModelFate) -> Weight:
    if model.cause or model.fate is Fate.FAILED:
        return Weight.TROUBLE
    return Weight.CHANGE if model.fate in GONE else Weight.REST


def _row(model: ModelFate, sizes: Mapping[str, int]) -> Row:
    bare = Row("", Verdict.DELETE, model.name, model.name, sizes.get(model.name), None, "", None, Weight.REST)
    return _fated(bare, model)


def _headline(rows: Iterable[Row], run: RunResult) -> str:
    gone = sum(row.weight is Weight.CHANGE for row in rows)
    failed = len(run.models) - gone
    freed = f", {came_free(run.freed)}" if run.freed.files else ""
    return f"Applied: {plural(gone, 'model')} removed{f', {failed:,} not' if failed else ''}{freed}"


def _remarks(applied: Applied) -> Iterator[Remark]:
    if applied.recovered:
        yield Remark(f"Run {applied.recovered.run} was interrupted, and was {applied.recovered.how}")
        yield from map(_message, applied.recovered.problems)
    if applied.purged:
        yield Remark(f"Purged what earlier runs had in quarantine: {came_free(applied.purged.freed)}")
        yield from map(_message, applied.purged.freed.reasons)
    if applied.run:
        yield from map(_message, applied.run.freed.reasons)
    for name in applied.unplanned:
        yield Remark(f"{name}: not allowed by now, and not in this plan: untouched; plan again")


def _message(text: str) -> Remark:
    return Remark(Shown(text))
