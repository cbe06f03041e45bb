"""Names that a person could mistake for each other: one edit apart, or differing only in numbers and separators."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_NUMBER = re.compile(r"\d+")
_SEPARATOR = re.compile(r"[\s._\-/]")
LONGEST = 255
"""Names over this length are not compared: the neighbourhood of one grows with the square of its length."""
MOST = 3
"""So many near names are enough to see what happened; a numbered series has thousands."""


class NearNames:
    """Finds, among `names`, those near to each of the `wanted` ones.

    Two strings are one edit apart (insertion, deletion, replacement, neighbours swapped) only if they share a
    string that is left when at most one character is taken out of each. Time is linear in the number of names;
    memory grows with the wanted ones alone, because a directory of 100,000 names has millions of such strings.
    They are only made of strings that share their beginning or their end with one on the other side.
    """

    def __init__(self, names: Iterable[str], wanted: Iterable[str]) -> None:
        sought = {text for name in wanted for text in _folded(name)}
        alike = _Ends(sought).like
        met = [(name, text) for name in names for text in _folded(name) if alike(text)]
        alike = _Ends(text for _, text in met).like
        self._near: dict[str, list[str]] = {
            neighbour: [] for text in sought if alike(text) for neighbour in _neighbours(text)
        }
        for name, text in met:
            self._remember(name, text)

    def of(self, name: str) -> list[str]:
        """The first few near names, sorted, without `name` itself; `name` is one of the wanted."""
        neighbours = (near for text in _folded(name) if text in self._near for near in _neighbours(text))
        near = {other for neighbour in neighbours for other in self._near.get(neighbour, ())}
        return sorted(near - {name})[:MOST]

    def _remember(self, name: str, text: str) -> None:
        for neighbour in _neighbours(text):
            near = self._near.get(neighbour)
            if near is not None and len(near) < MOST:
                near.append(name)


def _folded(name: str) -> set[str]:
    folded = _SEPARATOR.sub("_", name.casefold())
    return {folded, _NUMBER.sub("0", folded)}


def _neighbours(text: str) -> Iterator[str]:
    yield text
    if len(text) <= LONGEST:
        yield from {text[:position] + text[position + 1 :] for position in range(len(text))}


class _Ends:
    """The beginnings and the ends of some strings, each nearly half of a string that is one edit apart from it.

    An edit changes at most two neighbouring characters, so it leaves one of the two halves around them as it was.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._heads: set[str] = set()
        self._tails: set[str] = set()
        for text in texts:
            for change in (-1, 0, 1):
                half = _half(len(text) + change)
                self._heads.add(text[:half])
                self._tails.add(text[len(text) - half :])

    def like(self, text: str) -> bool:
        """Whether `text` may be one edit apart from one of the strings."""
        half = _half(len(text))
        return text[:half] in self._heads or text[len(text) - half :] in self._tails


def _half(length: int) -> int:
    return max(0, (length - 2) // 2)
