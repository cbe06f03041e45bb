"""Warnings about a valid manifest: rules that can never decide anything. Pure; decidable cases only."""

from __future__ import annotations

import re
from collections.abc import Iterator

from reconciler.errors import Issue
from reconciler.manifest.manifest import Manifest
from reconciler.manifest.match import Rulebook, exact_name
from reconciler.manifest.schema import Rule

_STRONGEST_FIRST = ("protect", "deny", "allow")
_ANY_ENDING = re.compile(r"\*\*/\*([^*?\[/]*)|\*\*()", re.DOTALL)
_LITERAL_END = re.compile(r"[^*?\[\]/]*\Z", re.DOTALL)

_LONGEST = 256
"""How many endings of a glob are looked at; those of names have no more bytes."""


def warnings_of(manifest: Manifest) -> list[Issue]:
    """What is allowed and yet without effect, in the order of the files."""
    return sorted(_Lint(manifest).run(), key=lambda issue: issue.place)


class _Lint:
    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest
        self._book = Rulebook(manifest)
        endings = [_ending(glob) for glob in manifest.spec.models.include]
        self._endings = [ending for ending in endings if ending is not None]
        self._decidable = None not in endings

    def run(self) -> Iterator[Issue]:
        broad: dict[str, tuple[str, int]] = {}  # by an ending, the first rule that every name with it matches
        for section in _STRONGEST_FIRST:
            rules: tuple[Rule, ...] = getattr(self._manifest.spec, section)
            for index, rule in enumerate(rules):
                name = exact_name(rule)
                if name is not None:
                    yield from self._exact(section, index, name)
                elif rule.match is not None:
                    yield from self._glob(section, index, rule.match, broad)

    def _exact(self, section: str, index: int, name: str) -> Iterator[Issue]:
        if not self._book.is_candidate(name):
            yield self._unmatched(section, index, name)
            return
        ruling = self._book.ruling(name)
        if (ruling.section, ruling.number) != (section, index):
            yield self._shadowed(section, index, name, ruling.section, ruling.number)

    def _glob(self, section: str, index: int, glob: str, broad: dict[str, tuple[str, int]]) -> Iterator[Issue]:
        end = _LITERAL_END.search(glob)
        tail = end[0] if end else ""
        if self._decidable and not any(tail.endswith(e) or e.endswith(tail) for e in self._endings):
            yield self._unmatched(section, index, glob)
        tails = (tail[at:] for at in range(len(tail), max(-1, len(tail) - _LONGEST), -1))
        before = next((broad[text] for text in tails if text in broad), None)
        if before:
            yield self._shadowed(section, index, glob, *before)
        own = _ending(glob)
        if own is not None:
            broad.setdefault(own, (section, index))

    def _unmatched(self, section: str, index: int, text: str) -> Issue:
        what = f"`{text}` in `{section}` can never match a model: nothing in `models.include` matches it"
        return Issue(self._manifest.rule_place(section, index), what, "add a glob for it there, or remove the rule")

    def _shadowed(self, section: str, index: int, text: str, by: str, other: int) -> Issue:
        place = self._manifest.rule_place(by, other)
        what = f"`{text}` in `{section}` decides nothing: `{by}[{other}]` ({place}) matches it before"
        return Issue(self._manifest.rule_place(section, index), what, "remove it, or put it before the other")


def _ending(glob: str) -> str | None:
    """The ending that alone decides whether a glob matches a name; None where more decides."""
    match = _ANY_ENDING.fullmatch(glob)
    return (match[1] or "") if match else None
