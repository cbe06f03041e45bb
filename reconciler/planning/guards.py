"""Limits that a plan must pass before it may be applied. Pure.

The defaults stop the manifest that was emptied by mistake: a share of deletions over `maxDeletePercent` blocks
once there are ten models to take a share of, and a plan that leaves no model at all always does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.facts import FileFacts
from reconciler.planning.verdicts import Decision, Verdict

if TYPE_CHECKING:
    from reconciler.manifest.schema import Limits

PERCENT_COUNTS_FROM = 10
"""With fewer models a percentage says little: deleting one of two is half of them."""


@dataclass(frozen=True, slots=True)
class Guard:
    """One guard that this plan trips: its name for `--override`, what it says, and whether it was overridden."""

    name: str
    message: str
    overridden: bool


GUARDS = ("max-deletions", "max-delete-percent", "max-delete-bytes", "min-keep", "required", "mismatch")


def tripped(limits: Limits, decisions: Iterable[Decision], overrides: frozenset[str]) -> tuple[Guard, ...]:
    """The guards that the plan trips, in the order of `GUARDS`."""
    tally = _Tally(decisions)
    return tuple(Guard(name, message, name in overrides) for name, message in _messages(limits, tally))


class _Tally:
    """The counts that guards look at; `models` are those present, whatever their verdict, but for ignored files.

    A set is one model. Hard links are models of their own; their bytes count as in the plan's sum.
    """

    def __init__(self, decisions: Iterable[Decision]) -> None:
        self.deletions = self.kept = 0
        self.missing: list[str] = []
        self.mismatched: list[str] = []
        doomed: list[FileFacts] = []
        ignored, delete = Verdict.IGNORED, Verdict.DELETE
        for name, verdict, _, _, file, _, required, lead, _, _ in decisions:
            if verdict is ignored:
                continue
            if file is None:
                if required:
                    self.missing.append(name)
                continue
            if required:
                self.mismatched.append(name)
            counts = not lead or lead == name
            if verdict is delete:
                self.deletions += counts
                doomed.append(file)
            else:
                self.kept += counts
        self.models = self.deletions + self.kept
        self.bytes = bytes_freed(doomed)


def bytes_freed(doomed: Iterable[FileFacts]) -> int:
    """What deleting these files frees: a file counts once, and only where none of its hard links stays."""
    sizes: dict[tuple[int, int], int] = {}
    linked: list[FileFacts] = []
    for file in doomed:
        if file.links > 1:
            linked.append(file)
        else:
            sizes[file.identity] = file.size
    going = Counter(file.identity for file in linked)
    sizes.update((file.identity, file.size) for file in linked if file.links <= going[file.identity])
    return sum(sizes.values())


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (", …" if len(names) > 5 else "")


def _messages(limits: Limits, tally: _Tally) -> Iterator[tuple[str, str]]:
    if tally.missing and limits.required == "fail":
        yield "required", f"{len(tally.missing)} required and missing: {_some(tally.missing)}"
    if tally.mismatched:
        yield "mismatch", f"{len(tally.mismatched)} not as their rules say: {_some(tally.mismatched)}"
    if not tally.deletions:
        return
    if limits.max_deletions is not None and tally.deletions > limits.max_deletions:
        yield "max-deletions", f"{tally.deletions} deletions, and limits.maxDeletions is {limits.max_deletions}"
    percent = 100 * tally.deletions / tally.models
    if tally.models >= PERCENT_COUNTS_FROM and percent > limits.max_delete_percent:
        share = f"{tally.deletions} of {tally.models} models are to be deleted, {percent:.1f} %"
        yield "max-delete-percent", f"{share}, and limits.maxDeletePercent is {limits.max_delete_percent:g}"
    if limits.max_delete_bytes is not None and tally.bytes > limits.max_delete_bytes:
        yield (
            "max-delete-bytes",
            f"{tally.bytes} bytes to delete, and limits.maxDeleteBytes is {limits.max_delete_bytes}",
        )
    if tally.kept < limits.min_keep:
        yield "min-keep", f"{tally.kept} models would be left, and limits.minKeep is {limits.min_keep}"
