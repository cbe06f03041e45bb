"""Tables: aligned plain text in a pipe, rich on a terminal. Both are given the same escaped cells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, NamedTuple
from unicodedata import category, east_asian_width

from reconciler.names import printable

RIGHT = "right"
LEFT = "left"
_GAP = "  "


@dataclass(frozen=True, slots=True)
class Column:
    """A heading and the side its cells keep to."""

    heading: str
    justify: str = LEFT


class Line(NamedTuple):
    """The cells of one row, and the rich style that a terminal shows them in."""

    cells: tuple[str, ...]
    style: str = ""


def write_table(columns: Sequence[Column], lines: Sequence[Line], stream: IO[str], *, terminal: bool) -> None:
    """Write the table to `stream`; every cell is escaped here and nowhere else."""
    safe = [Line(tuple(map(printable, line.cells)), line.style) for line in lines]
    if terminal:
        _write_rich(columns, safe, stream)
    else:
        stream.writelines(text + "\n" for text in _plain(columns, safe))


def _plain(columns: Sequence[Column], lines: Sequence[Line]) -> Iterator[str]:
    table = [tuple(column.heading for column in columns), *(line.cells for line in lines)]
    taken = [tuple(map(_width, cells)) for cells in table]
    widths = [max(each) for each in zip(*taken, strict=True)]
    right = [column.justify == RIGHT for column in columns]
    for cells, own in zip(table, taken, strict=True):
        padded = [
            " " * (width - has) + cell if to_right else cell + " " * (width - has)
            for cell, has, width, to_right in zip(cells, own, widths, right, strict=True)
        ]
        yield _GAP.join(padded).rstrip()


def _width(text: str) -> int:
    """The columns of a terminal that `text` takes: two for wide characters, none for those drawn over another."""
    if text.isascii():
        return len(text)
    marks = {"Mn", "Me"}
    return sum(0 if category(c) in marks else 2 if east_asian_width(c) in {"W", "F"} else 1 for c in text)


def _write_rich(columns: Sequence[Column], lines: Sequence[Line], stream: IO[str]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column.heading, justify="right" if column.justify == RIGHT else "left", overflow="fold")
    for line in lines:
        table.add_row(*map(Text, line.cells), style=line.style or None)
    Console(file=stream, highlight=False).print(table)
