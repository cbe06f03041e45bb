"""Who holds which model, as people read it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import IO

from reconciler.facts import Hold, HoldAnswer
from reconciler.quantities import plural
from reconciler.report.table import RIGHT, Column, Line, write_table

_COLUMNS = (Column("STATE"), Column("MODEL"), Column("PID", RIGHT), Column("USER"), Column("HOW"), Column("COMMAND"))
_STYLES = {Hold.HELD: "red", Hold.UNKNOWN: "yellow"}


def write_holders(answers: Sequence[HoldAnswer], stream: IO[str], *, terminal: bool) -> None:
    """A line for each holder of each file that is not free, and the counts."""
    lines = [line for answer in answers if answer.hold is not Hold.FREE for line in _lines(answer)]
    if lines:
        write_table(_COLUMNS, lines, stream, terminal=terminal)
        stream.write("\n")
    counts = [(sum(answer.hold is hold for answer in answers), hold.value) for hold in Hold]
    told = ", ".join(f"{count:,} {word}" for count, word in counts if count)
    stream.write(f"{plural(len(answers), 'file')}: {told or 'nothing to look at'}\n")


def _lines(answer: HoldAnswer) -> Iterator[Line]:
    style = _STYLES[answer.hold]
    if not answer.holders:
        yield Line((answer.hold.value, answer.file.name, "-", "-", answer.why, "-"), style)
    for holder in answer.holders:
        how = ", ".join(holder.how)
        yield Line((answer.hold.value, answer.file.name, str(holder.pid), holder.user, how, holder.command), style)
