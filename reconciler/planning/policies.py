"""What decides about a model beside the rules that match it: retention, sets, what was protected, grace. Pure.

Each costs nothing where a manifest does not use it. Within a set the strongest word about any member decides for
all of them, in this order: protected, linked to by a kept model, denied (or deleted for a mismatch), allowed,
dropped by `keep`, no word at all. So a set is never split.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from reconciler.errors import Place
from reconciler.facts import FileFacts
from reconciler.manifest.manifest import Manifest
from reconciler.manifest.match import Effect, Rulebook
from reconciler.planning.verdicts import Decision, Verdict
from reconciler.quantities import human_duration

if TYPE_CHECKING:
    from reconciler.planning.diff import Context
    from reconciler.planning.sets import FileSet, Sets

_HINTS = ("-of-", "mmproj", "MMPROJ", ".json", ".tokenizer", ".onnx_data", ".onnx.data")
_STAYING = frozenset({Verdict.KEEP, Verdict.PROTECTED, Verdict.MISMATCH, Verdict.INCOMPLETE, Verdict.GRACE})
_VOICELESS = 6


class Policies:
    """Settles the verdicts that the rules alone gave. `links` holds, by identity, what a kept link leads to."""

    def __init__(
        self,
        manifest: Manifest,
        rulebook: Rulebook,
        links: Mapping[tuple[int, int], tuple[str, Place | None]],
        context: Context,
    ) -> None:
        self._spec = manifest.spec
        self._rulebook, self._links, self._context = rulebook, links, context
        self._dropped: set[str] = set()
        self._remembered = context.memory.protected - context.unprotect

    def settle(self, decisions: list[Decision], retained: Mapping[int, list[FileFacts]]) -> list[Decision]:
        """The decisions on the files that are there; `retained` are those allowed by each rule with a `keep`."""
        sets = self._sets(decisions)
        remembered = self._remembered
        if not (retained or remembered or self._spec.grace or sets):
            return decisions
        now = {decision.name: decision for decision in decisions}
        of: Mapping[str, FileSet] = sets.of if sets else {}
        for index, files in retained.items():
            self._retain(index, files, now, of)
        for name in remembered & now.keys():
            if now[name].verdict is Verdict.DELETE:
                now[name] = self._protected(now[name])
        for file_set in {id(one): one for one in of.values()}.values():
            self._unite(file_set, now)
        for name, owners in sets.shared.items() if sets else ():
            self._share(name, owners, now)
        if self._spec.grace:
            self._spare(now)
        return list(now.values())

    def _sets(self, decisions: list[Decision]) -> Sets | None:
        """The sets among the files; None where no name looks like it and no rule declares one."""
        names = [decision.name for decision in decisions]
        declared = self._declared(names)
        text = "\n".join(names) if self._spec.models.sets else ""  # one search in all: most directories have no sets
        if not declared and not any(hint in text for hint in _HINTS):
            return None
        from reconciler.planning.sets import find_sets

        return find_sets(names, self._rulebook.is_candidate, declared, habits=self._spec.models.sets)

    def _declared(self, names: Iterable[str]) -> dict[str, tuple[str, ...]]:
        if not any(rule.files for rule in self._spec.allow):
            return {}
        found: dict[str, tuple[str, ...]] = {}
        for name in filter(self._rulebook.is_candidate, names):
            index = self._rulebook.first_allow(name)
            if index is not None and (files := self._rulebook.allow_rule(index).files):
                found[name] = files
        return found

    def _retain(self, index: int, files: list[FileFacts], now: dict[str, Decision], of: Mapping[str, FileSet]) -> None:
        """Drop what the rule's `keep` does not keep. What is not whole, or denied, takes nobody's place."""
        from reconciler.planning.retention import Unit, retain

        keep = self._rulebook.allow_rule(index).keep
        assert keep  # noqa: S101  # only rules with one are asked
        leads = {file.name: of[file.name].lead if file.name in of else file.name for file in files}
        units: dict[str, Unit] = {}
        for lead in dict.fromkeys(leads.values()):
            members = [now[name] for name in (of[lead].members if lead in of else (lead,))]
            whole = all(member.verdict not in {Verdict.MISMATCH, Verdict.DELETE} for member in members)
            if whole and not (lead in of and of[lead].missing):
                units[lead] = Unit(lead, tuple(member.file for member in members if member.file))
        kept = retain(keep, units.values(), self._context.now)
        for name, lead in leads.items():
            decision = now[name]
            if lead not in kept or decision.file is None:
                continue
            if kept[lead].stays:
                now[name] = decision._replace(reason=f"{decision.reason}: {kept[lead].reason}")
            elif decision.file.identity not in self._links:
                reason = f"{decision.reason}, but not kept: {kept[lead].reason}"
                now[name] = decision._replace(verdict=Verdict.DELETE, reason=reason)
                self._dropped.add(name)

    def _unite(self, file_set: FileSet, now: dict[str, Decision]) -> None:
        """Give every member of a set the verdict that the strongest word about any of them has."""
        members = [self._voiced(now[name]) for name in file_set.members]
        rank, strongest = min(((self._rank(member), member) for member in members), key=_rank_and_name)
        verdict = Verdict.KEEP if strongest.verdict is Verdict.MISMATCH else strongest.verdict
        unlisted = next((member for member in members if member.verdict is Verdict.UNLISTED), None)
        if verdict is Verdict.DELETE and unlisted:
            rank, strongest, verdict = 0, unlisted, Verdict.UNLISTED
        remembered = next((member for member in members if member.name in self._remembered), None)
        if verdict is Verdict.DELETE and remembered:  # a file that is no model by itself: others are protected by now
            strongest, verdict = self._protected(strongest._replace(name=remembered.name)), Verdict.PROTECTED
        lacking = file_set.missing if verdict is Verdict.KEEP else ()
        for member in members:
            changed = member._replace(lead=file_set.lead)
            wordless = member.unwanted and strongest.place is not None  # else grace would split the set
            if rank < _VOICELESS and (wordless or member.verdict is not verdict) and _yields(member.verdict, verdict):
                reason = f"belongs with {strongest.name}, {strongest.reason}"
                changed = changed._replace(verdict=verdict, reason=reason, place=strongest.place)
            if lacking and changed.verdict is Verdict.KEEP:
                reason = f"{changed.reason}; its set is not complete: {_named(lacking)} not there"
                changed = changed._replace(verdict=Verdict.INCOMPLETE, reason=reason)
            now[member.name] = changed

    def _protected(self, decision: Decision) -> Decision:
        reason = f"{decision.reason}; but the last applied manifest protects it"
        return decision._replace(verdict=Verdict.PROTECTED, reason=reason, place=None)

    def _voiced(self, decision: Decision) -> Decision:
        """A file that is no model by itself: of the rules about it only `protect` counts, and only in a set."""
        if decision.verdict is Verdict.IGNORED:
            ruling = self._rulebook.ruling(decision.name)
            if ruling.effect is Effect.PROTECT:
                return decision._replace(verdict=Verdict.PROTECTED, reason=ruling.reason, place=ruling.place)
        return decision

    def _rank(self, decision: Decision) -> int:
        linked = decision.file is not None and decision.file.identity in self._links
        match decision.verdict:
            case Verdict.PROTECTED:
                return 0
            case Verdict.KEEP | Verdict.MISMATCH:
                return 1 if linked else 3
            case Verdict.DELETE:
                return 4 if decision.name in self._dropped else 5 if decision.place is None else 2
            case _:
                return _VOICELESS

    def _share(self, name: str, owners: tuple[str, ...], now: dict[str, Decision]) -> None:
        """Keep what no rule allows and several models need, as long as one of them stays."""
        staying = next((owner for owner in owners if now[owner].verdict in _STAYING), None)
        if now[name].verdict is Verdict.DELETE and now[name].place is None and staying is not None:
            reason = f"belongs with {' and '.join(owners)}, of which {staying} stays"
            now[name] = now[name]._replace(verdict=Verdict.KEEP, reason=reason, place=now[staying].place)

    def _spare(self, now: dict[str, Decision]) -> None:
        """Put off what no rule allows, until the youngest sighting of the model's files is old enough."""
        groups: defaultdict[str, list[Decision]] = defaultdict(list)
        for decision in now.values():
            if decision.unwanted:
                groups[decision.lead or decision.name].append(decision)
        for members in groups.values():
            seen = [self._context.memory.first_seen(member.file) for member in members if member.file]
            known = [moment for moment in seen if moment is not None]
            first = max(known) if len(known) == len(seen) else None
            due = (self._context.now if first is None else first) + self._spec.grace
            told = "not seen so before" if first is None else f"seen so since {_iso(first)}"
            for member in members:
                reason = f"{member.reason}; {told}, and grace is {human_duration(self._spec.grace)}"
                if self._context.now < due:
                    now[member.name] = member._replace(verdict=Verdict.GRACE, reason=reason, due=_iso(due))
                else:
                    now[member.name] = member._replace(reason=reason)


def _rank_and_name(voice: tuple[int, Decision]) -> tuple[int, bool, str]:
    rank, decision = voice
    return rank, decision.verdict is Verdict.MISMATCH, decision.name


def _yields(verdict: Verdict, stronger: Verdict) -> bool:
    """Whether a member's own verdict gives way: to deletion always, to staying if it would go or has no word."""
    return stronger in {Verdict.DELETE, Verdict.UNLISTED} or verdict in {Verdict.DELETE, Verdict.IGNORED}


def _named(names: tuple[str, ...]) -> str:
    return f"{', '.join(names[:3])}{', …' if len(names) > 3 else ''} {'is' if len(names) == 1 else 'are'}"


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
