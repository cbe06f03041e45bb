"""What differs between the models a manifest allows and those that were observed. Pure.

Presence is compared with sets; where a model is present and wanted but not as wanted, DeepDiff compares the two
documents of that name and nothing else, so its cost follows the differences and not the directory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.errors import Place
from reconciler.facts import FileFacts, Inventory
from reconciler.manifest.manifest import Manifest
from reconciler.manifest.match import Effect, Rulebook
from reconciler.planning.near import NearNames
from reconciler.planning.verdicts import Decision, Verdict

if TYPE_CHECKING:
    from reconciler.manifest.schema import AllowRule


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that does not stop a plan but that its reader must see."""

    place: Place | None
    text: str


@dataclass(frozen=True, slots=True)
class Difference:
    """The decision on every name, sorted by name, and what a reader must be told."""

    decisions: tuple[Decision, ...]
    notices: tuple[Notice, ...]


def compare(manifest: Manifest, inventory: Inventory) -> Difference:
    """Decide on every file of `inventory` and on every model that `manifest` allows by name.

    With `discovery: [engine]` a file that the engine does not list is `unlisted` and left alone.
    """
    judge = _Judge(manifest, inventory)
    decisions = judge.explained([judge.decide(file) for file in inventory.files])
    present = {file.name for file in inventory.files}
    missing = [judge.missing(name) for name in judge.rulebook.exact_allows if name not in present]
    ordered = sorted(decisions + missing)
    return Difference(tuple(ordered), tuple(_notices(manifest, judge, inventory, ordered)))


class _Judge:
    """Applies the rulebook to one inventory and remembers which globs matched."""

    def __init__(self, manifest: Manifest, inventory: Inventory) -> None:
        self.rulebook = Rulebook(manifest)
        self.used: set[int] = set()
        self._listed = inventory.listed
        self._only_listed = manifest.spec.discovery == ("engine",)
        self._links = inventory.aliases
        self._expected: dict[str, dict[str, int]] = {}
        self._found: dict[str, dict[str, int]] = {}
        self._wanted = self._wanted_through_links(inventory)

    def decide(self, file: FileFacts) -> Decision:
        """The verdict on one file that is there."""
        name = file.name
        listed = None if self._listed is None else name in self._listed
        if not self.rulebook.is_candidate(name):
            return Decision(name, Verdict.IGNORED, "not matched by models.include", None, file, listed)
        if self._only_listed and not listed:
            return Decision(name, Verdict.UNLISTED, "the engine does not list it", None, file, listed)
        ruling = self.rulebook.ruling(name)
        verdict, reason, place = _VERDICTS[ruling.effect], ruling.reason, ruling.place
        if ruling.effect is Effect.ALLOW:
            self.used.add(ruling.index)
            if self._is_unlike(self.rulebook.allow_rule(ruling.index), file):
                verdict = Verdict.MISMATCH
        elif verdict is Verdict.DELETE and file.identity in self._wanted:
            alias, place = self._wanted[file.identity]
            verdict, reason = Verdict.KEEP, f"{alias}, which is kept, is a symbolic link to it"
        return Decision(name, verdict, reason, place, file, listed)

    def explained(self, decisions: list[Decision]) -> list[Decision]:
        """The same decisions; those on a mismatch say what differs. One comparison serves all of them."""
        if not self._expected:
            return decisions
        from reconciler.planning.explain import explain_each

        faults = {name: "; ".join(told) for name, told in explain_each(self._expected, self._found).items()}
        return [d._replace(reason=f"{d.reason}, but {faults[d.name]}") if d.name in faults else d for d in decisions]

    def _is_unlike(self, rule: AllowRule, file: FileFacts) -> bool:
        """Whether a present model differs from what its rule says of it; both documents are kept for `explained`."""
        if rule.size is None or rule.size == file.size:
            return False
        self._expected[file.name], self._found[file.name] = {"size": rule.size}, {"size": file.size}
        return True

    def missing(self, name: str) -> Decision:
        """The verdict on a model that is allowed by name and is not there, or only through a link."""
        rule = self.rulebook.allow_rule(self.rulebook.exact_allows[name])
        ruling = self.rulebook.ruling(name)
        if name in self._links:
            reason = f"a symbolic link to {self._links[name]}"
            return Decision(name, Verdict.IGNORED, reason, ruling.place, None, None)
        if ruling.effect is Effect.DENY:
            return Decision(name, Verdict.IGNORED, f"not there, and {ruling.reason}", ruling.place, None, None)
        reason = f"{ruling.reason}, {'required, ' if rule.required else ''}and not there"
        return Decision(name, Verdict.MISSING, reason, ruling.place, None, None, rule.required)

    def _wanted_through_links(self, inventory: Inventory) -> dict[tuple[int, int], tuple[str, Place | None]]:
        """For each file that a wanted link leads to, by identity: that link and the line that wants it.

        A link resolves to a file, not to one of its hard-linked names, so all of these are kept.
        """
        identities = {file.name: file.identity for file in inventory.files} if inventory.aliases else {}
        wanted: dict[tuple[int, int], tuple[str, Place | None]] = {}
        for alias, target in sorted(inventory.aliases.items()):
            ruling = self.rulebook.ruling(alias)
            if ruling.effect in {Effect.ALLOW, Effect.PROTECT}:
                wanted.setdefault(identities[target], (alias, ruling.place))
        return wanted


_VERDICTS = {
    Effect.PROTECT: Verdict.PROTECTED,
    Effect.DENY: Verdict.DELETE,
    Effect.ALLOW: Verdict.KEEP,
    Effect.NONE: Verdict.DELETE,
}


def _notices(manifest: Manifest, judge: _Judge, inventory: Inventory, decisions: list[Decision]) -> Iterator[Notice]:
    """Ghosts, allowed models that are missing while a look-alike is deleted, globs that match nothing."""
    for ghost in inventory.ghosts:
        yield Notice(None, f"{ghost}: the engine lists it and the disk has no such file; nothing can be done about it")
    yield from _lookalikes(decisions)
    for index, glob in judge.rulebook.glob_allows:
        if index not in judge.used:
            place = manifest.rule_place("allow", index)
            yield Notice(
                place, f'allow[{index}] (match "{glob}") keeps no model: no name, or only names ruled on before'
            )


def _lookalikes(decisions: list[Decision]) -> Iterator[Notice]:
    """One notice for each allowed model that is missing while files with nearly its name are to be deleted."""
    missing = [decision for decision in decisions if decision.verdict is Verdict.MISSING]
    doomed = [decision.name for decision in decisions if decision.verdict is Verdict.DELETE]
    if not missing or not doomed:
        return
    near = NearNames(doomed, wanted=(decision.name for decision in missing))
    for decision in missing:
        if found := near.of(decision.name):
            what = f"{' and '.join(found)} {'is' if len(found) == 1 else 'are'} to be deleted"
            yield Notice(decision.place, f"{decision.name} is allowed and missing, while {what}")
