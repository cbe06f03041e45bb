"""Plans, audits and listings as people read them, on a terminal and in a pipe."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import IO

from reconciler.facts import Inventory
from reconciler.names import printable
from reconciler.planning.plan import Plan
from reconciler.planning.verdicts import Verdict
from reconciler.quantities import both_sizes, human_size, plural
from reconciler.report.rows import Row, counts, rows, shortest, summary
from reconciler.report.table import RIGHT, Column, Line, write_table

_STYLES = {
    Verdict.DELETE: "red",
    Verdict.MISSING: "yellow",
    Verdict.MISMATCH: "yellow",
    Verdict.INCOMPLETE: "yellow",
    Verdict.GRACE: "magenta",
    Verdict.PROTECTED: "cyan",
    Verdict.UNLISTED: "dim",
    Verdict.IGNORED: "dim",
}
_COLUMNS = (Column("STATUS"), Column("SIZE", RIGHT), Column("BYTES", RIGHT), Column("MODEL"), Column("WHY"))
_PENDING = (Verdict.DELETE, Verdict.GRACE, Verdict.MISMATCH, Verdict.INCOMPLETE, Verdict.MISSING)


def write_plan(plan: Plan, stream: IO[str], *, base: str, terminal: bool) -> None:
    """What `plan` would change, what it noticed, and its sum."""
    _write_heading(plan, stream, base)
    pending = [(row, row.name) for row in rows(plan, base=base, verdicts=_PENDING)]
    _write_rows(pending, stream, terminal=terminal)
    _write_notices(plan, stream, base)
    stream.write(summary(plan) + "\n")
    for guard in plan.guards:
        state = f"guard {guard.name} is overridden" if guard.overridden else f"blocked by guard {guard.name}"
        stream.write(f"{state}: {printable(guard.message)}\n")


def write_audit(plan: Plan, stream: IO[str], *, base: str, terminal: bool) -> None:
    """Every model with its path, its verdict and why."""
    _write_heading(plan, stream, base)
    _write_rows([(row, row.path) for row in rows(plan, base=base)], stream, terminal=terminal)
    _write_notices(plan, stream, base)
    stream.write(counts(plan) + "\n")


def write_inventory(inventory: Inventory, stream: IO[str], *, base: str, terminal: bool) -> None:
    """Every file in the model directory, and whether the engine lists it."""
    release = inventory.engine.release if inventory.engine else ""
    engine = _engine(release, inventory.listed, len(inventory.files))
    stream.write(f"Models    {printable(shortest(inventory.directory.path, base))}\nEngine    {engine}\n\n")
    columns = (Column("LISTED"), Column("SIZE", RIGHT), Column("BYTES", RIGHT), Column("FILE"))
    lines = [
        Line((_listed(inventory, file.name), human_size(file.size), str(file.size), file.name))
        for file in inventory.files
    ]
    write_table(columns, lines, stream, terminal=terminal)
    for ghost in inventory.ghosts:
        stream.write(f"listed by the engine, not on disk: {printable(ghost)}\n")
    for alias, name in inventory.aliases.items():
        stream.write(f"symbolic link: {printable(alias)} -> {printable(name)}\n")
    total = sum(file.size for file in inventory.files)
    left = "".join(f", {count} {kind}" for kind, count in inventory.left_alone.items())
    stream.write(f"\n{plural(len(inventory.files), 'file')}, {both_sizes(total)}{left}\n")


def _write_heading(plan: Plan, stream: IO[str], base: str) -> None:
    origin = plan.origin
    stream.write(f"Manifest  {printable(origin.manifest_name)} ({printable(shortest(origin.manifest, base))})\n")
    stream.write(f"Models    {printable(shortest(plan.directory.path, base))}\n")
    stream.write(f"Engine    {_engine_of(plan)}\n\n")


def _engine_of(plan: Plan) -> str:
    if not plan.origin.engine:
        return _engine("", None, 0)
    models = [decision for decision in plan.decisions if decision.file and decision.verdict is not Verdict.IGNORED]
    return _engine(plan.origin.engine, frozenset(decision.name for decision in models if decision.listed), len(models))


def _engine(release: str, listed: frozenset[str] | None, models: int) -> str:
    if listed is None:
        return "not asked"
    return f"{printable(release)}, lists {len(listed):,} of {models:,}"


def _listed(inventory: Inventory, name: str) -> str:
    if inventory.listed is None:
        return "-"
    return "yes" if name in inventory.listed else "no"


def _write_rows(shown: Sequence[tuple[Row, str]], stream: IO[str], *, terminal: bool) -> None:
    if shown:
        write_table(_COLUMNS, list(_lines(shown)), stream, terminal=terminal)
        stream.write("\n")


def _lines(shown: Sequence[tuple[Row, str]]) -> Iterator[Line]:
    for row, name in shown:
        sizes = ("-", "-") if row.size is None else (human_size(row.size), str(row.size))
        why = f"{row.why} [{row.place}]" if row.place else row.why
        yield Line((row.status, *sizes, name, why), _STYLES.get(row.verdict, ""))


def _write_notices(plan: Plan, stream: IO[str], base: str) -> None:
    for notice in plan.notices:
        place = notice.place and notice.place._replace(file=shortest(notice.place.file, base))
        stream.write(f"warning: {printable(f'{place}: ' if place else '')}{printable(notice.text)}\n")
    if plan.notices:
        stream.write("\n")
