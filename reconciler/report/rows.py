"""The one set of rows that every renderer shows, of plans and of runs.

A `Sheet` is what a command has to tell, in the words that people read, nothing escaped yet: how it is escaped is
the renderer's to know.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from reconciler.errors import Place
from reconciler.planning.plan import Plan
from reconciler.planning.verdicts import Decision, Verdict
from reconciler.quantities import both_sizes

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


class Weight(StrEnum):
    """How much of a reader's attention a row wants: a model that goes, one to look at, one that just stays."""

    CHANGE = "change"
    TROUBLE = "trouble"
    REST = "rest"


WEIGHTS = {
    Verdict.DELETE: Weight.CHANGE,
    Verdict.MISMATCH: Weight.TROUBLE,
    Verdict.INCOMPLETE: Weight.TROUBLE,
    Verdict.MISSING: Weight.TROUBLE,
    Verdict.GRACE: Weight.TROUBLE,
}


class Row(NamedTuple):
    """One model as it is shown. `size` is in bytes, None where there is no file; `place` is the manifest's line.

    `why` is raw as the name is, or `Shown` where it is a message.
    """

    status: str
    verdict: Verdict
    name: str
    path: str
    size: int | None
    listed: bool | None
    why: str
    place: Place | None
    weight: Weight


@dataclass(frozen=True, slots=True)
class Remark:
    """Something said beside the rows: a warning, or with `blocks` why nothing may be applied."""

    text: str
    place: Place | None = None
    blocks: bool = False


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a command tells. `name` is the manifest's, `outcome` the word of the JSON document.

    `done` says that the changes were made, and are not just planned. `facts` are pairs to print beside the rest.
    """

    name: str
    outcome: str
    headline: str
    rows: tuple[Row, ...]
    remarks: tuple[Remark, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    done: bool = False

    @property
    def changes(self) -> tuple[Row, ...]:
        """The models that go, or have gone."""
        return tuple(row for row in self.rows if row.weight is Weight.CHANGE)

    @property
    def blocked(self) -> bool:
        """Whether a guard forbids to apply."""
        return any(remark.blocks for remark in self.remarks)


def plan_sheet(plan: Plan, *, base: str, audit: bool = False) -> Sheet:
    """A plan, or with `audit` the same told as a state of things."""
    origin = plan.origin
    notices = [Remark(n.text, n.place and _shortened(n.place, base)) for n in plan.notices]
    guards = [Remark(_guard(guard.name, guard.message, guard.overridden), None, not guard.overridden)
              for guard in plan.guards]  # fmt: skip
    return Sheet(
        name=origin.manifest_name,
        outcome=outcome(plan),
        headline=f"Audit: {counts(plan)}" if audit else summary(plan),
        rows=tuple(rows(plan, base=base)),
        remarks=(*guards, *notices),
        facts={
            "Manifest": shortest(origin.manifest, base),
            "Manifest digest": origin.manifest_digest,
            "Models": shortest(plan.directory.path, base),
            "Host": origin.host,
            "Engine": origin.engine or "not asked",
            "Planned": origin.created,
            "Plan digest": plan.digest,
        },
    )


def _guard(name: str, message: str, overridden: bool) -> str:
    return f"{'Overridden' if overridden else 'Blocked by'} guard {name}: {message}"


def outcome(plan: Plan) -> str:
    """The plan in a word, as machines read it."""
    return "blocked" if plan.blocking else "changes" if plan.deletions else "no-changes"


def summary(plan: Plan) -> str:
    """The plan in one line."""
    if not plan.deletions:
        return f"Nothing to do: {counts(plan)}"
    return f"Plan: {len(plan.deletions):,} to delete, {both_sizes(plan.bytes_to_delete)}; {counts(plan)}"


def counts(plan: Plan) -> str:
    """How many models got which verdict."""
    words = {
        Verdict.KEEP: "current",
        Verdict.PROTECTED: "protected",
        Verdict.DELETE: "old",
        Verdict.MISMATCH: "mismatched",
        Verdict.INCOMPLETE: "incomplete",
        Verdict.MISSING: "missing",
        Verdict.GRACE: "in grace",
        Verdict.UNLISTED: "unlisted",
        Verdict.IGNORED: "ignored",
    }
    return ", ".join(f"{plan.counts[verdict]:,} {word}" for verdict, word in words.items() if plan.counts[verdict]) or (
        "no models"
    )


def rows(plan: Plan, *, base: str, verdicts: Iterable[Verdict] = Verdict) -> Iterator[Row]:
    """The decisions of `plan` with one of `verdicts`, by status and name; paths are relative to `base` where below."""
    directory = os.path.join(shortest(plan.directory.path, base), "")
    rank = {verdict: number for number, verdict in enumerate(verdicts)}
    chosen = [decision for decision in plan.decisions if decision.verdict in rank]
    for decision in sorted(chosen, key=lambda decision: (rank[decision.verdict], decision.name)):
        yield _row(decision, directory, base)


def _row(decision: Decision, directory: str, base: str) -> Row:
    return Row(
        status=STATUS[decision.verdict],
        verdict=decision.verdict,
        name=decision.name,
        path=directory + decision.name,
        size=decision.file and decision.file.size,
        listed=decision.listed,
        why=decision.reason,
        place=decision.place and _shortened(decision.place, base),
        weight=WEIGHTS.get(decision.verdict, Weight.REST),
    )


def _shortened(place: Place, base: str) -> Place:
    return place._replace(file=shortest(place.file, base))


def shortest(path: str, base: str) -> str:
    """`path` relative to `base` where it lies below it, unchanged elsewhere."""
    return os.path.relpath(path, base) if os.path.isabs(path) and path.startswith(base.rstrip("/") + "/") else path
