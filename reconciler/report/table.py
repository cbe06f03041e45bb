"""Tables: aligned plain text in a pipe, rich on a terminal. Both are given the same escaped cells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, NamedTuple
from unicodedata import category, east_asian_width

from reconciler.names import is_plain, printable

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
    safe = lines
    if not is_plain(" ".join(cell for line in lines for cell in line.cells)):
        safe = [Line(tuple(map(printable, line.cells)), line.style) for line in lines]
    if terminal:
        _write_rich(columns, safe, stream)
    else:
        stream.writelines(text + "\n" for text in _plain(columns, safe))


def _plain(columns: Sequence[Column], lines: Sequence[Line]) -> Iterator[str]:
    table = zip(*(line.cells for line in lines), strict=True) if lines else ((),) * len(columns)
    padded = [_padded(column, (column.heading, *cells)) for column, cells in zip(columns, table, strict=True)]
    for row in zip(*padded, strict=True):
        yield _GAP.join(row).rstrip()


def _padded(column: Column, cells: Sequence[str]) -> list[str]:
    taken = list(map(_width, cells))
    width = max(taken)
    if column.justify == RIGHT:
        return [" " * (width - own) + cell for own, cell in zip(taken, cells, strict=True)]
    return [cell + " " * (width - own) for own, cell in zip(taken, cells, strict=True)]


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
