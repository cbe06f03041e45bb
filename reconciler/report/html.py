"""One page to look at, of a plan, a run or the history of a directory. It needs no network and asks for none.

The template, its style and its script are package data, and so is D3 (`templates/d3.min.js`), as its authors
publish it: `make plotting` fetches it anew. Jinja2 comes with the extra `report`.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler import __version__
from reconciler.errors import UsageError
from reconciler.facts import FileFacts
from reconciler.history import RunRecord
from reconciler.names import Shown, harmless, printable
from reconciler.planning.plan import Plan
from reconciler.quantities import both_sizes, human_size, plural
from reconciler.report.machine import plan_document
from reconciler.report.rows import STATUS, WEIGHTS, Row, Weight, rows, shortest
from reconciler.report.run_rows import FATES, GONE, moment
from reconciler.transaction import ModelFate

if TYPE_CHECKING:
    from jinja2 import Environment

_ORDER = sorted(STATUS, key=lambda verdict: WEIGHTS.get(verdict, Weight.REST) is Weight.REST)
"""What wants a look comes first."""


@dataclass(frozen=True, slots=True)
class _Page:
    """What one page tells. All text in it is fit to be shown; sizes are in bytes.

    `figures` are a number, its unit and its exact form; `models` are rows as `report.js` reads them, in the order
    of `states`, the words for their colours.
    """

    title: str
    outcome: str
    figures: Sequence[tuple[str, str, str]]
    facts: Mapping[str, str]
    alerts: Sequence[str]
    states: Mapping[str, str]
    columns: Sequence[tuple[str, str]]
    models: Sequence[Mapping[str, object]]
    runs: Sequence[RunRecord]


def require_extra() -> None:
    """Raise UsageError where the extra `report` is not installed."""
    try:
        import jinja2  # noqa: F401
    except ImportError as error:
        message = "report: Jinja2 is not installed; install it with: pip install 'ocr-reconcile[report]'"
        raise UsageError(message) from error


def plan_page(plan: Plan, records: Sequence[RunRecord], *, base: str, fault: str = "") -> str:
    """The page of `plan`, with the past runs of its directory; paths are relative to `base` where below.

    `fault` says why the past runs are not known.
    """
    origin = plan.origin
    size = plan.bytes_to_delete
    page = _Page(
        title=f"Plan of {printable(origin.manifest_name)}",
        outcome=str(plan_document(plan)["outcome"]),
        figures=(
            (f"{len(plan.deletions):,}", "to delete", ""),
            (human_size(size), "to come free", plural(size, "byte")),
            (f"{len(plan.decisions):,}", "models in all", ""),
        ),
        facts=_shown(
            {
                "Models": plan.directory.path,
                "Manifest": shortest(origin.manifest, base),
                "Engine": origin.engine,
                "Host": origin.host,
                "Planned": origin.created,
                "Digest": plan.digest,
            }
        ),
        alerts=[
            *map(printable, _alerts(plan, base)),
            *([harmless(f"What was done before is not shown: {fault}")] if fault else ()),
        ],
        states={verdict.value: STATUS[verdict] for verdict in _ORDER},
        columns=(("status", "Status"), ("size", "Size"), ("name", "Model"), ("why", "Why"), ("place", "Rule")),
        models=list(_of_plan(plan, base)),
        runs=records,
    )
    return _render(page)


def run_page(record: RunRecord) -> str:
    """The page of one run: what became of each model."""
    page = _Page(
        title=f"Run {printable(record.run)}",
        outcome=record.state,
        figures=_run_figures([record]),
        facts=_shown(
            {
                "Kind": record.kind,
                "Began": moment(record.began),
                "Ended": "" if record.ended is None else moment(record.ended),
                "Retained until": "" if record.until is None else moment(record.until),
                "Restored run": record.target,
                "Purged runs": ", ".join(record.targets),
                "Cause": Shown(record.cause),
                **{key.replace("_", " ").capitalize(): v for key, v in record.header.items() if isinstance(v, str)},
                "Digest": record.digest,
            }
        ),
        alerts=list(map(harmless, record.freed.reasons)),
        states=_FATE_STATES,
        columns=(("status", "Fate"), ("size", "Size"), ("name", "Model"), ("why", "Cause")),
        models=list(_of_runs([record])),
        runs=(),
    )
    return _render(page)


def history_page(
    records: list[RunRecord], directory: str, present: Sequence[FileFacts] | None, faults: Sequence[str] = ()
) -> str:
    """The page of everything that was done in `directory`.

    Its models are those of every apply, with where they are, and `present`, those that lie there now, or None
    where these are not known. `faults` are what is wrong, in words.
    """
    page = _Page(
        title=f"History of {printable(directory)}",
        outcome="",
        figures=(
            (f"{len(records):,}", "run" if len(records) == 1 else "runs", ""),
            *_run_figures(records),
            *([] if present is None else [_figure(present)]),
        ),
        facts={
            name: moment(record.began)
            for name, record in zip(("First run", "Last run"), records[:1] + records[-1:], strict=False)
        },
        alerts=list(map(harmless, faults)),
        states={**_FATE_STATES, **_THERE},
        columns=(("status", "Fate"), ("size", "Size"), ("name", "Model"), ("place", "Run"), ("why", "Cause")),
        models=[*_of_runs([record for record in records if record.kind == "apply"]), *_of_files(present or ())],
        runs=records,
    )
    return _render(page)


_THERE = {"present": "there now"}
_FATE_STATES = {fate.value: word for fate, word in FATES.items()}


def _shown(facts: Mapping[str, str]) -> dict[str, str]:
    return {key: printable(value) for key, value in facts.items() if value}


def _alerts(plan: Plan, base: str) -> Iterator[str]:
    for guard in plan.guards:
        state = f"Guard {guard.name} is overridden" if guard.overridden else f"Blocked by guard {guard.name}"
        yield f"{state}: {guard.message}"
    for notice in plan.notices:
        place = notice.place and notice.place._replace(file=shortest(notice.place.file, base))
        yield f"{place}: {notice.text}" if place else notice.text


def _of_plan(plan: Plan, base: str) -> Iterator[dict[str, object]]:
    files = {decision.name: decision.file for decision in plan.decisions}
    return _counted((_told(row), files[row.name]) for row in rows(plan, base=base, verdicts=_ORDER))


def _told(row: Row) -> dict[str, object]:
    texts = {"name": row.name, "why": row.why, "place": str(row.place or "")}
    return {"state": row.verdict.value, "size": row.size, **{key: printable(text) for key, text in texts.items()}}


def _of_runs(records: Iterable[RunRecord]) -> Iterator[dict[str, object]]:
    def told(record: RunRecord, fate: ModelFate, size: int) -> dict[str, object]:
        texts = {"name": printable(fate.name), "why": harmless(fate.cause), "place": printable(record.run)}
        return {"state": fate.fate.value, "size": size, **texts}

    return _counted(
        (told(record, fate, file.size), file)
        for record in records
        for fate, file in zip(record.models, record.files, strict=True)
    )


def _figure(present: Sequence[FileFacts]) -> tuple[str, str, str]:
    sizes = {file.identity: file.size for file in present}
    return human_size(sum(sizes.values())), "there now", plural(len(present), "file")


def _of_files(present: Iterable[FileFacts]) -> Iterator[dict[str, object]]:
    blank = {"state": "present", "why": "", "place": ""}
    return _counted(({**blank, "size": file.size, "name": printable(file.name)}, file) for file in present)


def _counted(told: Iterable[tuple[dict[str, object], FileFacts | None]]) -> Iterator[dict[str, object]]:
    """Say in `adds` what a row adds to a sum: another name of one file, nothing."""
    seen: set[object] = set()
    for row, file in told:
        key = file and (row["state"], file.identity, file.mtime_ns)
        yield {**row, "adds": file.size if file and key not in seen else 0}
        seen.add(key)


def _run_figures(records: Iterable[RunRecord]) -> tuple[tuple[str, str, str], ...]:
    records = list(records)
    fates = [model.fate for record in records if record.kind == "apply" for model in record.models]
    freed = sum(_came_free(record) for record in records)
    expected = sum(record.freed.expected for record in records)
    return (
        (f"{sum(fate in GONE for fate in fates):,}", "removed", ""),
        (human_size(freed), "came free", f"{plural(freed, 'byte')}, expected {plural(expected, 'byte')}"),
    )


def _came_free(record: RunRecord) -> int:
    """Bytes; where others wrote more meanwhile, none are seen to have come free."""
    return max(0, record.freed.measured)


def _run_row(record: RunRecord) -> dict[str, object]:
    return {
        "run": printable(record.run),
        "kind": record.kind,
        "state": record.state,
        "at": record.began if record.ended is None else record.ended,
        "models": len(record.models),
        "freed": _came_free(record),
        "by": printable("@".join(str(record.header[key]) for key in ("user", "host") if key in record.header)),
    }


def _render(page: _Page) -> str:
    environment = _environment()
    source = {name: _source(environment, name) for name in ("report.css", "d3.LICENSE", "d3.min.js", "report.js")}
    runs = list(map(_run_row, page.runs))
    data = {"states": page.states, "columns": page.columns, "models": page.models, "runs": runs}
    scripts = " ".join(_hash(source[name]) for name in ("d3.min.js", "report.js"))
    policy = (
        f"default-src 'none'; script-src {scripts}; style-src {_hash(source['report.css'])}; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'"
    )
    template = environment.get_template("report.html")
    return template.render(page=page, data=data, runs=runs, policy=policy, source=source, version=__version__)


def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("reconciler.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":")}
    environment.filters.update(moment=moment, human_size=human_size, both_sizes=both_sizes)
    return environment


def _source(environment: Environment, name: str) -> str:
    """The text of a part of the page, byte for byte as its hash in the policy is taken."""
    assert environment.loader  # noqa: S101  # narrows the type
    return environment.loader.get_source(environment, name)[0]


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
