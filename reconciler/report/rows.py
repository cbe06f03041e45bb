"""The one set of rows that every renderer of a plan shows."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from reconciler.planning.plan import Plan
from reconciler.planning.verdicts import Decision, Verdict

STATUS = {
    Verdict.KEEP: "CURRENT",
    Verdict.PROTECTED: "PROTECTED",
    Verdict.DELETE: "OLD",
    Verdict.MISMATCH: "MISMATCH",
    Verdict.INCOMPLETE: "INCOMPLETE",
    Verdict.MISSING: "MISSING",
    Verdict.GRACE: "GRACE",
    Verdict.UNLISTED: "UNLISTED",
    Verdict.IGNORED: "IGNORED",
}
"""What a verdict is called where people read it: the words of the engine's own tutorials where it has them."""


@dataclass(frozen=True, slots=True)
class Row:
    """One model as it is shown. `size` is in bytes, None where there is no file; `why` ends with its place."""

    status: str
    verdict: Verdict
    name: str
    path: str
    size: int | None
    listed: bool | None
    why: str
    place: str


def rows(plan: Plan, *, base: str, verdicts: Iterable[Verdict] = Verdict) -> Iterator[Row]:
    """The decisions of `plan` with one of `verdicts`, by status and name; paths are relative to `base` where below."""
    directory = shortest(plan.directory.path, base)
    wanted = list(verdicts)
    chosen = (decision for decision in plan.decisions if decision.verdict in wanted)
    for decision in sorted(chosen, key=lambda decision: (wanted.index(decision.verdict), decision.name)):
        yield _row(decision, directory, base)


def _row(decision: Decision, directory: str, base: str) -> Row:
    place = decision.place and decision.place._replace(file=shortest(decision.place.file, base))
    return Row(
        status=STATUS[decision.verdict],
        verdict=decision.verdict,
        name=decision.name,
        path=os.path.join(directory, decision.name),
        size=decision.file and decision.file.size,
        listed=decision.listed,
        why=decision.reason,
        place=str(place or ""),
    )


def shortest(path: str, base: str) -> str:
    """`path` relative to `base` where it lies below it, unchanged elsewhere."""
    return os.path.relpath(path, base) if os.path.isabs(path) and path.startswith(base.rstrip("/") + "/") else path
