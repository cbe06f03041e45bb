"""Which rules look at one name, in which order, and which of them decides. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.errors import Place
from reconciler.manifest.manifest import Manifest
from reconciler.manifest.match import Rulebook, matches

if TYPE_CHECKING:
    from reconciler.manifest.schema import Rule

_SECTIONS = ("protect", "deny", "allow")


@dataclass(frozen=True, slots=True)
class Look:
    """One rule that matches a name, and whether it is the one that decides."""

    section: str
    index: int
    subject: str
    place: Place
    decides: bool


@dataclass(frozen=True, slots=True)
class Trace:
    """How the rules look at one name. `rules` counts those of each section, in the order in which they are asked.

    `candidate` says whether `models.include` matches the name: of what it does not, no rule is asked.
    """

    name: str
    candidate: bool
    rules: tuple[tuple[str, int], ...]
    looks: tuple[Look, ...]


def trace(manifest: Manifest, name: str) -> Trace:
    """Ask every rule about `name`, not only up to the first that decides."""
    rulebook = Rulebook(manifest)
    ruling = rulebook.ruling(name)
    looks: list[Look] = []
    for section in _SECTIONS:
        for index, rule in enumerate(_rules(manifest, section)):
            if matches(rule, name):
                decides = (ruling.section, ruling.number) == (section, index)
                looks.append(Look(section, index, _subject(rule), manifest.rule_place(section, index), decides))
    counts = tuple((section, len(_rules(manifest, section))) for section in _SECTIONS)
    return Trace(name, rulebook.is_candidate(name), counts, tuple(looks))


def _rules(manifest: Manifest, section: str) -> tuple[Rule, ...]:
    rules: tuple[Rule, ...] = getattr(manifest.spec, section)
    return rules


def _subject(rule: Rule) -> str:
    return f'name "{rule.name}"' if rule.name is not None else f'match "{rule.match}"'
