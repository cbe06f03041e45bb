"""What runs did, as people read it: the one that has just ended, and those of the history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import IO

from reconciler.applying import Applied
from reconciler.history import RunRecord
from reconciler.names import Shown, harmless, printable
from reconciler.quantities import both_sizes, human_size, plural
from reconciler.report.run_rows import FATES, GONE, came_free, moment
from reconciler.report.table import Column, Line, write_table
from reconciler.transaction import ModelFate, Recovered, RunResult
from reconciler.undoing import Undone


def write_applied(applied: Applied, stream: IO[str]) -> None:
    """The fate of each model, what was proven, and what came free."""
    if applied.recovered:
        stream.write(_recovered(applied.recovered))
    if applied.purged:
        stream.write(f"Purged what earlier runs had in quarantine: {_freed(applied.purged)}")
    if applied.run is None:
        if not applied.unplanned:
            stream.write("Nothing to do: every model is as the manifest says.\n")
        _write_unplanned(applied, stream)
        return
    if applied.proof:
        stream.write(_proof(applied.proof))
    sizes = {file.name: file.size for file in applied.plan.doomed}
    for model in applied.run.models:
        stream.write(_model(model, sizes[model.name]))
    stream.write(_sum(applied.run))
    _write_unplanned(applied, stream)


def _write_unplanned(applied: Applied, stream: IO[str]) -> None:
    for name in applied.unplanned:
        stream.write(f"note: {printable(name)}: not allowed by now, and not in this plan: untouched; plan again\n")


def _recovered(recovered: Recovered) -> str:
    faults = "".join(f"  - {harmless(fault)}\n" for fault in recovered.problems)
    return f"Recovered: run {recovered.run} was interrupted, and was {recovered.how}.\n{faults}"


def _proof(proof: dict[str, object]) -> str:
    means = ", ".join(str(word) for word in proof["means"])  # type: ignore[attr-defined]
    accepted = " Unknown was accepted." if proof["accepted"] else ""
    engine = "free_resources() was called, and " if proof["engine_released"] else ""
    return f"All resources released: {engine}nothing holds the files ({proof['looks']} looks, by {means}).{accepted}\n"


def _model(model: ModelFate, size: int) -> str:
    cause = f": {harmless(model.cause)}" if model.cause else ""
    return f"  {FATES[model.fate]:<11}  {printable(model.name)}, {both_sizes(size)}{cause}\n"


def _sum(run: RunResult) -> str:
    gone = [model for model in run.models if model.fate in GONE and not model.cause]
    failed = len(run.models) - len(gone)
    told = f"Applied: {plural(len(gone), 'model')} removed{f', {failed} not' if failed else ''}; run {run.run}.\n"
    if run.freed.files:
        told += _freed(run)
    if run.until is not None:
        told += f"They are in quarantine until {moment(run.until)}; ocr-reconcile rollback puts them back.\n"
    return told


def _freed(run: RunResult) -> str:
    reasons = "".join(f"  - {harmless(reason)}\n" for reason in run.freed.reasons)
    return f"{came_free(run.freed)}, as the file system counts; expected {both_sizes(run.freed.expected)}.\n{reasons}"


def write_undone(undone: Undone, stream: IO[str]) -> None:
    """What a rollback put back, or a purge removed for good."""
    if undone.recovered:
        stream.write(_recovered(undone.recovered))
    run = undone.run
    if run is None:
        stream.write("Nothing to do: no run in quarantine is due.\n")
    elif run.kind == "purge":
        stream.write(f"Purged: {plural(run.freed.files, 'file')}; run {run.run}.\n{_freed(run)}")
    else:
        for model in run.models:
            stream.write(f"  {FATES[model.fate]:<11}  {printable(model.name)}\n")
        stream.write(f"Rolled back: {plural(len(run.models), 'model')} restored; run {run.run}.\n")


def write_history(
    records: Sequence[RunRecord], faults: Sequence[str] | None, stream: IO[str], *, terminal: bool
) -> None:
    """A line for each run, newest last, and what is wrong with the chain if it was verified."""
    if faults:
        stream.write("The history is damaged:\n" + "".join(f"  - {harmless(fault)}\n" for fault in faults))
        return
    if records:
        columns = ("RUN", "KIND", "STATE", "MODELS", "FREED", "USER", "HOST", "REVISION")
        lines = [Line(_history_cells(record)) for record in records]
        write_table([Column(heading) for heading in columns], lines, stream, terminal=terminal)
    else:
        stream.write("No runs yet.\n")
    if faults is not None:
        stream.write(f"The chain of {plural(len(records), 'run')} is whole.\n")


def _history_cells(record: RunRecord) -> tuple[str, ...]:
    header = record.header
    who = (str(header.get(key, "-")) for key in ("user", "host"))
    revision = str(header.get("git_revision", "-"))[:12]
    freed = human_size(max(0, record.freed.measured)) if record.freed.files else "-"
    return (record.run, record.kind, record.state, str(len(record.models)), freed, *who, revision)


def write_run(record: RunRecord, stream: IO[str]) -> None:
    """Everything that the history knows of one run."""
    pairs = {
        "run": record.run,
        "kind": record.kind,
        "state": record.state,
        "began": moment(record.began),
        "ended": "-" if record.ended is None else moment(record.ended),
        "retained until": "-" if record.until is None else moment(record.until),
        "restored run": record.target,
        "purged runs": ", ".join(record.targets),
        "cause": Shown(record.cause),
        **{str(key).replace("_", " "): _told(value) for key, value in record.header.items()},
        "digest": record.digest,
    }
    for key, value in pairs.items():
        if value:
            stream.write(f"{key:<16}  {printable(value)}\n")
    stream.write("\n")
    for model, file in zip(record.models, record.files, strict=True):
        stream.write(_model(model, file.size))
    if record.freed.files:
        stream.write(f"expected to free {both_sizes(record.freed.expected)}; {came_free(record.freed)}\n")


def _told(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_told(inner)}" for key, inner in value.items() if inner)
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
