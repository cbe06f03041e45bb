"""Names that a person could mistake for each other: one edit apart, or differing only in numbers and separators."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

_NUMBER = re.compile(r"\d+")
_SEPARATORS = re.compile(r"[\s._\-/]+")
LONGEST = 255
"""Names over this length are not compared: the neighbourhood of one grows with the square of its length."""


class NearNames:
    """Finds, among `names`, those near to another one, in time linear in the number of names.

    Two strings are one edit apart (insertion, deletion, replacement, neighbours swapped) only if they share a
    string that is left when at most one character is taken out of each.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._by_neighbour: defaultdict[str, list[str]] = defaultdict(list)
        for name in names:
            for neighbour in _neighbours(name):
                self._by_neighbour[neighbour].append(name)

    def of(self, name: str) -> list[str]:
        """The near names, sorted, without `name` itself."""
        near = {other for neighbour in _neighbours(name) for other in self._by_neighbour.get(neighbour, ())}
        return sorted(near - {name})


def _neighbours(name: str) -> Iterator[str]:
    folded = _SEPARATORS.sub("_", name.casefold())
    for text in {folded, _NUMBER.sub("0", folded)}:
        yield text
        if len(text) <= LONGEST:
            yield from {text[:position] + text[position + 1 :] for position in range(len(text))}
