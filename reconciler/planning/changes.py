"""What the change of a manifest means: in rules, and with an inventory in models and bytes. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.errors import Place
from reconciler.manifest.emit import told
from reconciler.manifest.manifest import Manifest
from reconciler.planning.guards import bytes_freed
from reconciler.planning.plan import Plan
from reconciler.planning.verdicts import Decision, Verdict

_SECTIONS = ("protect", "deny", "allow")


@dataclass(frozen=True, slots=True)
class Change:
    """One difference of two manifests in a sentence; `place` is in the new one, or in the old for what is gone."""

    text: str
    place: Place | None


@dataclass(frozen=True, slots=True)
class Impact:
    """What the change does to one host: models newly deleted, no longer deleted, and otherwise judged anew."""

    deleted: tuple[Decision, ...]
    spared: tuple[Decision, ...]
    other: tuple[tuple[Decision | None, Decision | None], ...]

    @property
    def bytes_deleted(self) -> int:
        """What the new deletions free, in bytes."""
        return bytes_freed(decision.file for decision in self.deleted if decision.file)


def changes(old: Manifest, new: Manifest) -> list[Change]:
    """How `new` differs from `old`: rules first, in the order of the file, then the other keys."""
    found = [change for section in _SECTIONS for change in _rule_changes(section, old, new)]
    return [*found, *_other_changes(old, new)]


def impact(old: Plan, new: Plan) -> Impact:
    """How the plans of two manifests for one inventory differ. A new reason alone is no difference."""
    before = {decision.name: decision for decision in old.decisions}
    after = {decision.name: decision for decision in new.decisions}
    pairs = [(before.get(name), after.get(name)) for name in sorted(before.keys() | after.keys())]
    changed = [(one, other) for one, other in pairs if _verdict(one) is not _verdict(other)]
    return Impact(
        tuple(other for _, other in changed if other and other.verdict is Verdict.DELETE),
        tuple(other for one, other in changed if other and one and one.verdict is Verdict.DELETE),
        tuple(pair for pair in changed if Verdict.DELETE not in map(_verdict, pair)),
    )


def _verdict(decision: Decision | None) -> Verdict | None:
    return decision.verdict if decision else None


def _rule_changes(section: str, old: Manifest, new: Manifest) -> Iterator[Change]:
    before, after = _rules(section, old), _rules(section, new)
    for subject, (index, document) in after.items():
        place = new.rule_place(section, index)
        if subject not in before:
            yield Change(f"{section}: {subject} is new{_details(document)}", place)
        elif document != before[subject][1]:
            for sentence in _sentences(before[subject][1], document):
                yield Change(f"{section}: {subject}: {sentence}", place)
    for subject, (index, _) in before.items():
        if subject not in after:
            yield Change(f"{section}: {subject} is gone", old.rule_place(section, index))
    if [subject for subject in before if subject in after] != [subject for subject in after if subject in before]:
        yield Change(f"{section}: the rules have another order, and the first that matches decides", None)


def _rules(section: str, manifest: Manifest) -> dict[str, tuple[int, dict[str, Any]]]:
    """Index and content of each rule by what it is about."""
    found: dict[str, tuple[int, dict[str, Any]]] = {}
    for index, rule in enumerate(getattr(manifest.spec, section)):
        document = rule.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude={"name", "match"})
        found[f'name "{rule.name}"' if rule.name else f'match "{rule.match}"'] = index, document
    return found


def _details(document: Mapping[str, Any]) -> str:
    return f" ({', '.join(f'{key} {told(value)}' for key, value in document.items())})" if document else ""


def _other_changes(old: Manifest, new: Manifest) -> Iterator[Change]:
    before, after = _rest(old), _rest(new)
    if before != after:
        for sentence in _sentences(before, after):
            yield Change(sentence, None)


def _rest(manifest: Manifest) -> dict[str, Any]:
    spec = manifest.spec.model_dump(mode="json", by_alias=True, exclude=set(_SECTIONS))
    return {"metadata": manifest.metadata.model_dump(mode="json", by_alias=True), "spec": spec}


def _sentences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    from reconciler.planning.explain import explain

    return explain(before, after, changed="{where} is {found}, it was {expected}")
