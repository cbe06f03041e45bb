"""What fills the disk, as a bar of text: models by their verdict, everything else, and what is free."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import IO, NamedTuple

from reconciler.planning.plan import Plan
from reconciler.planning.verdicts import Verdict
from reconciler.quantities import human_size

_MODELS = {
    Verdict.KEEP: ("#", "current", "green"),
    Verdict.PROTECTED: ("P", "protected", "cyan"),
    Verdict.DELETE: ("x", "old", "red"),
    Verdict.MISMATCH: ("!", "mismatched", "yellow"),
    Verdict.INCOMPLETE: ("~", "incomplete", "bright_yellow"),
    Verdict.GRACE: ("g", "in grace", "bright_red"),
    Verdict.UNLISTED: ("?", "unlisted", "magenta"),
    Verdict.IGNORED: ("i", "ignored", "blue"),
}
_OTHER, _FREE = (":", "other", "white"), (".", "free", "bright_black")


class Space(NamedTuple):
    """The bytes of a file system: all of it, and what is free."""

    total: int
    free: int


class Segment(NamedTuple):
    """One part of the bar: the letter it is drawn with, so that it shows without colour, and its bytes."""

    letter: str
    name: str
    style: str
    size: int


def segments(plan: Plan, space: Space) -> list[Segment]:
    """The parts that have any bytes; models count as allocated on disk, hard links once."""
    sizes = allocated(plan)
    parts = [Segment(*_MODELS[verdict], sizes.get(verdict, 0)) for verdict in _MODELS]
    rest = space.total - space.free - sum(part.size for part in parts)
    return [part for part in (*parts, Segment(*_OTHER, max(0, rest)), Segment(*_FREE, space.free)) if part.size]


def allocated(plan: Plan) -> Mapping[Verdict, int]:
    """Allocated bytes by verdict; a file with several names counts for the first of them that is seen."""
    sizes: dict[Verdict, int] = {}
    seen: set[tuple[int, int]] = set()
    for decision in plan.decisions:
        if decision.file and decision.file.identity not in seen:
            seen.add(decision.file.identity)
            sizes[decision.verdict] = sizes.get(decision.verdict, 0) + decision.file.allocated
    return sizes


def cells(parts: Sequence[Segment], width: int) -> list[int]:
    """How many of `width` cells each part gets: its share, but one at least; the largest makes up for that."""
    total = sum(part.size for part in parts)
    given = [max(1, part.size * width // total) for part in parts]
    largest = max(range(len(parts)), key=lambda index: parts[index].size)
    given[largest] += width - sum(given)
    return given


def write_bar(plan: Plan, space: Space, stream: IO[str], *, width: int, colour: bool) -> None:
    """The bar, at most `width` columns wide, and below it what each letter stands for."""
    parts = segments(plan, space)
    if not parts:
        return
    counts = cells(parts, max(len(parts), width - 2))
    bar = "".join(_painted(part.letter * count, part.style, colour) for part, count in zip(parts, counts, strict=True))
    stream.write(f"\n[{bar}]\n")
    for part in parts:
        share = 100 * part.size / sum(other.size for other in parts)
        letter = _painted(part.letter, part.style, colour)
        stream.write(f"  {letter}  {part.name:<10}  {human_size(part.size):>10}  {share:5.1f} %\n")


_CODES = {"red": 31, "green": 32, "yellow": 33, "blue": 34, "magenta": 35, "cyan": 36, "white": 37, "bright_black": 90}


def _painted(text: str, style: str, colour: bool) -> str:
    return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if colour else text
