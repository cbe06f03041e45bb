"""What an apply did, as people read it."""

from __future__ import annotations

from typing import IO

from reconciler.applying import Applied
from reconciler.names import printable
from reconciler.quantities import both_sizes, plural
from reconciler.transaction import Fate, ModelFate, Recovered, RunResult

_WORDS = {
    Fate.PURGED: "deleted",
    Fate.QUARANTINED: "quarantined",
    Fate.RESTORED: "put back",
    Fate.UNTOUCHED: "untouched",
    Fate.FAILED: "FAILED",
}


def write_applied(applied: Applied, stream: IO[str]) -> None:
    """The fate of each model, what was proven, and what came free."""
    if applied.recovered:
        stream.write(_recovered(applied.recovered))
    if applied.run is None:
        stream.write("Nothing to do: every model is as the manifest says.\n")
        return
    if applied.proof:
        stream.write(_proof(applied.proof))
    sizes = {file.name: file.size for file in applied.plan.doomed}
    for model in applied.run.models:
        stream.write(_model(model, sizes[model.name]))
    stream.write(_sum(applied.run))
    for name in applied.unplanned:
        stream.write(f"note: {printable(name)}: not allowed by now, and not in this plan: untouched; plan again\n")


def _recovered(recovered: Recovered) -> str:
    faults = "".join(f"  - {printable(fault)}\n" for fault in recovered.problems)
    return f"Recovered: run {recovered.run} was interrupted, and was {recovered.how}.\n{faults}"


def _proof(proof: dict[str, object]) -> str:
    means = ", ".join(str(word) for word in proof["means"])  # type: ignore[attr-defined]
    accepted = " Unknown was accepted." if proof["accepted"] else ""
    engine = "free_resources() was called, and " if proof["engine_released"] else ""
    return f"All resources released: {engine}nothing holds the files ({proof['looks']} looks, by {means}).{accepted}\n"


def _model(model: ModelFate, size: int) -> str:
    cause = f": {printable(model.cause)}" if model.cause else ""
    return f"  {_WORDS[model.fate]:<11}  {printable(model.name)} ({both_sizes(size)}){cause}\n"


def _sum(run: RunResult) -> str:
    gone = [model for model in run.models if model.fate in {Fate.PURGED, Fate.QUARANTINED} and not model.cause]
    failed = len(run.models) - len(gone)
    lines = [f"Applied: {plural(len(gone), 'model')} removed{f', {failed} not' if failed else ''}; run {run.run}.\n"]
    if run.freed.files:
        measured = f"{both_sizes(run.freed.measured)} came free, as the file system counts"
        lines.append(f"{measured}; expected {both_sizes(run.freed.expected)}.\n")
    lines += [f"  - {printable(reason)}\n" for reason in run.freed.reasons]
    if run.until is not None:
        lines.append(f"They are in quarantine; ocr-reconcile rollback {run.run} puts them back.\n")
    return "".join(lines)
