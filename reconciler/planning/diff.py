"""What differs between the models a manifest allows and those that were observed. Pure.

Presence is compared with sets; where a model is present and wanted but not as wanted, DeepDiff compares the two
documents of that name and nothing else, so its cost follows the differences and not the directory.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from operator import itemgetter
from typing import TYPE_CHECKING

from reconciler.errors import Place
from reconciler.facts import Digest, FileFacts, Inventory
from reconciler.manifest.manifest import Manifest
from reconciler.manifest.match import Effect, Rulebook
from reconciler.planning.memory import Memory
from reconciler.planning.near import NearNames
from reconciler.planning.policies import Policies
from reconciler.planning.verdicts import Decision, Verdict

if TYPE_CHECKING:
    from reconciler.manifest.schema import AllowRule


ByVerdict = defaultdict[Verdict, list[Decision]]
"""The decisions with each verdict, sorted by name."""


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


@dataclass(frozen=True, slots=True)
class Context:
    """What else decides. `now` is in seconds since 1970, `digests` are those known, by name.

    `unprotect` names models that only the last applied manifest protects, and that may go nevertheless.
    """

    now: float = 0.0
    memory: Memory = field(default_factory=Memory)
    digests: Mapping[str, Digest] = field(default_factory=dict)
    unprotect: frozenset[str] = frozenset()


def compare(manifest: Manifest, inventory: Inventory, context: Context = Context()) -> Difference:
    """Decide on every file of `inventory` and on every model that `manifest` allows by name.

    With `discovery: [engine]` a file that the engine does not list is `unlisted` and left alone.
    """
    judge = _Judge(manifest, inventory, context.digests)
    decisions = judge.explained([judge.decide(file) for file in inventory.files])
    policies = Policies(manifest, judge.rulebook, judge.links, context)
    decisions = policies.settle(decisions, judge.retained)
    exact = judge.rulebook.exact_allows
    present = {file.name for file in inventory.files} if exact else frozenset[str]()
    missing = [judge.missing(name) for name in exact if name not in present]
    ordered = sorted(decisions + missing, key=itemgetter(0))
    by_verdict: ByVerdict = defaultdict(list)
    for decision in ordered:
        by_verdict[decision.verdict].append(decision)
    notices = *_notices(manifest, judge, inventory, by_verdict), *_told(manifest, context, by_verdict)
    return Difference(tuple(ordered), notices)


class _Judge:
    """Applies the rulebook to one inventory and remembers which globs matched.

    `retained` holds the files that each rule with a `keep` allows, `links` what wanted links lead to, by identity.
    """

    def __init__(self, manifest: Manifest, inventory: Inventory, digests: Mapping[str, Digest]) -> None:
        self.rulebook = Rulebook(manifest)
        self.used: set[int] = set()
        self.retained: defaultdict[int, list[FileFacts]] = defaultdict(list)
        self._ignored = set(self.rulebook.is_candidate.others(file.name for file in inventory.files))
        self._digests = digests
        self._listed = inventory.listed
        self._only_listed = manifest.spec.discovery == ("engine",)
        self._links = inventory.aliases
        self._expected: dict[str, dict[str, object]] = {}
        self._found: dict[str, dict[str, object]] = {}
        self.links = self._wanted_through_links(inventory)

    def decide(self, file: FileFacts) -> Decision:
        """The verdict on one file that is there."""
        name, rulebook = file.name, self.rulebook
        listed = None if self._listed is None else name in self._listed
        if name in self._ignored:
            return Decision(name, Verdict.IGNORED, "not matched by models.include", None, file, listed)
        if self._only_listed and not listed:
            return Decision(name, Verdict.UNLISTED, "the engine does not list it", None, file, listed)
        ruling = rulebook.ruling(name)
        effect, _, index, place, reason = ruling
        verdict = _VERDICTS[effect]
        # As in `facts_of`: the generated constructor costs more than all the rest.
        decision = tuple.__new__(Decision, (name, verdict, reason, place, file, listed, False, "", "", ""))
        if effect is _ALLOW:
            rule = rulebook.allow_rule(index)
            if rule.name is None:
                self.used.add(index)
            if rule.keep is not None:
                self.retained[index].append(file)
            if rule.size is not None or rule.sha256 is not None:
                return self._checked(decision, rule, file)
        elif verdict is _DELETE and file.identity in self.links:
            alias, place = self.links[file.identity]
            reason = f"{alias}, which is kept, is a symbolic link to it"
            return decision._replace(verdict=Verdict.KEEP, reason=reason, place=place)
        return decision

    def explained(self, decisions: list[Decision]) -> list[Decision]:
        """The same decisions; those on a mismatch say what differs. One comparison serves all of them."""
        if not self._expected:
            return decisions
        from reconciler.planning.explain import explain_each

        faults = {name: "; ".join(told) for name, told in explain_each(self._expected, self._found).items()}
        return [d._replace(reason=f"{d.reason}, but {faults[d.name]}") if d.name in faults else d for d in decisions]

    def _checked(self, allowed: Decision, rule: AllowRule, file: FileFacts) -> Decision:
        """The verdict on an allowed model once its size, and its digest if known, are compared with the rule's."""
        digest = self._digests.get(file.name) if self._digests else None
        if digest and digest.sha256:
            allowed = allowed._replace(digest=digest.sha256)
        fails = rule.on_mismatch == "fail"
        if self._is_unlike(rule, file, digest):
            deletes = rule.on_mismatch == "delete" and file.identity not in self.links
            return allowed._replace(verdict=Verdict.DELETE if deletes else Verdict.MISMATCH, required=fails)
        if digest and digest.fault and rule.sha256 is not None:
            reason = f"{allowed.reason}, but its SHA-256 cannot be told: {digest.fault}"
            return allowed._replace(verdict=Verdict.MISMATCH, reason=reason, required=fails)
        return allowed

    def _is_unlike(self, rule: AllowRule, file: FileFacts, digest: Digest | None) -> bool:
        """Whether a present model differs from what its rule says of it; both documents are kept for `explained`."""
        other_size = rule.size is not None and rule.size != file.size
        other_digest = digest and digest.sha256 and rule.sha256 not in {None, digest.sha256}
        if not (other_size or other_digest):
            return False
        expected: dict[str, object] = {}
        found: dict[str, object] = {}
        if other_size:
            expected["size"], found["size"] = rule.size, file.size
        if digest and other_digest:
            expected["sha256"], found["sha256"] = rule.sha256, digest.sha256
        self._expected[file.name], self._found[file.name] = expected, found
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


_ALLOW, _DELETE = Effect.ALLOW, Verdict.DELETE  # Python 3.11 calls a function for each `Effect.ALLOW`
_VERDICTS = {
    Effect.PROTECT: Verdict.PROTECTED,
    Effect.DENY: Verdict.DELETE,
    Effect.ALLOW: Verdict.KEEP,
    Effect.NONE: Verdict.DELETE,
}


def _notices(manifest: Manifest, judge: _Judge, inventory: Inventory, by_verdict: ByVerdict) -> Iterator[Notice]:
    """Ghosts, allowed models that are missing while a look-alike is deleted, globs that match nothing."""
    for ghost in inventory.ghosts:
        yield Notice(None, f"{ghost}: the engine lists it and the disk has no such file; nothing can be done about it")
    yield from _lookalikes(by_verdict)
    for index, glob in judge.rulebook.glob_allows:
        if index not in judge.used:
            place = manifest.rule_place("allow", index)
            yield Notice(
                place, f'allow[{index}] (match "{glob}") keeps no model: no name, or only names ruled on before'
            )


def _lookalikes(by_verdict: ByVerdict) -> Iterator[Notice]:
    """One notice for each allowed model that is missing while files with nearly its name are to be deleted."""
    missing, doomed = by_verdict[Verdict.MISSING], by_verdict[Verdict.DELETE]
    if not missing or not doomed:
        return
    near = NearNames([decision.name for decision in doomed], wanted=(decision.name for decision in missing))
    for decision in missing:
        if found := near.of(decision.name):
            what = f"{' and '.join(found)} {'is' if len(found) == 1 else 'are'} to be deleted"
            yield Notice(decision.place, f"{decision.name} is allowed and missing, while {what}")


def _told(manifest: Manifest, context: Context, by_verdict: ByVerdict) -> Iterator[Notice]:
    """What the digests, the memory and the hard links say beyond the single verdicts."""
    yield from _frozen(manifest, context)
    if context.memory.fault:
        yield Notice(None, f"what the last apply remembered {context.memory.fault}: the next apply reads it itself")
    for decision in by_verdict[Verdict.PROTECTED]:
        if decision.place is None:
            told = "only the last applied manifest protects it: after one more apply it can be deleted"
            yield Notice(None, f"{decision.name}: {told}; --unprotect lets it go now")
    yield from _unprotected_in_vain(context, by_verdict)
    if manifest.spec.limits.required == "warn":
        for decision in by_verdict[Verdict.MISSING]:
            if decision.required:
                yield Notice(decision.place, f"{decision.name} is required and missing; limits.required only warns")
    yield from _misnamed(manifest, context.digests, by_verdict)
    yield from _linked_elsewhere(by_verdict[Verdict.DELETE])


def _unprotected_in_vain(context: Context, by_verdict: ByVerdict) -> Iterator[Notice]:
    """Names given to --unprotect that it does nothing for: mistyped, forgotten by now, or protected by a rule."""
    if not context.unprotect:
        return
    ruled = {decision.name: decision.place for decision in by_verdict[Verdict.PROTECTED] if decision.place}
    for name in sorted(context.unprotect):
        if name in ruled:
            told = "a rule protects it; --unprotect changes nothing, remove the rule"
            yield Notice(ruled[name], f"{name}: {told}")
        elif name not in context.memory.protected:
            told = "the last applied manifest does not protect it; --unprotect changes nothing, check the name"
            yield Notice(None, f"{name}: {told}")


def _frozen(manifest: Manifest, context: Context) -> Iterator[Notice]:
    """That an apply of this moment is refused."""
    if manifest.spec.freeze.windows:
        from reconciler.planning.freeze import FREEZE, frozen  # time zones, which hardly any plan needs

        if why := frozen(manifest.spec.freeze, datetime.fromtimestamp(context.now, UTC)):
            yield Notice(None, f"an apply is refused now: {why}; wait, or pass --override {FREEZE} to apply")


def _misnamed(manifest: Manifest, digests: Mapping[str, Digest], by_verdict: ByVerdict) -> Iterator[Notice]:
    """Files with the content of an allowed model that is missing or is another one."""
    if not digests:
        return
    names: defaultdict[str, list[str]] = defaultdict(list)
    for name, digest in digests.items():
        names[digest.sha256].append(name)
    wrong = {d.name: d for verdict in (Verdict.MISSING, Verdict.MISMATCH) for d in by_verdict[verdict]}
    for rule in manifest.spec.allow:
        if rule.name in wrong and rule.sha256 is not None and (found := names.get(rule.sha256)):
            decision = wrong[rule.name]
            others = " and ".join(sorted(found))
            yield Notice(decision.place, f"{rule.name} is {decision.verdict.value}, and {others} has its SHA-256")


def _linked_elsewhere(deletions: Iterable[Decision]) -> Iterator[Notice]:
    """Deletions that free nothing, because the file has another hard link that stays."""
    doomed = [decision.file for decision in deletions if decision.file and decision.file.links > 1]
    going = Counter(file.identity for file in doomed)
    for file in doomed:
        if file.links > going[file.identity]:
            yield Notice(None, f"{file.name}: deleting it frees no space: another hard link to it stays")
