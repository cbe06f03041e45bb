"""Why one model got its verdict, and what the change of a manifest means, as people read it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO

from reconciler.errors import Place
from reconciler.names import printable
from reconciler.planning.changes import Change, Impact
from reconciler.planning.plan import Plan
from reconciler.planning.trace import Trace
from reconciler.planning.verdicts import Decision
from reconciler.quantities import both_sizes, plural
from reconciler.report.rows import STATUS, shortest


def write_explained(trace: Trace, decision: Decision | None, plan: Plan, stream: IO[str], *, base: str) -> None:
    """The verdict, then what was asked in its order."""
    name = printable(trace.name)
    if decision is None:
        stream.write(f"{name}: not there, and no rule asks for it by name\n")
    else:
        stream.write(f"{name}: {STATUS[decision.verdict]}, because {printable(decision.reason)}\n")
        if decision.due:
            stream.write(f"it can be deleted from {decision.due} on\n")
    stream.write("\nAsked in this order:\n")
    matched = "matches: it is a model" if trace.candidate else "does not match: by itself it is left alone"
    stream.write(f"  models.include  {matched}\n")
    for section, count in trace.rules:
        looks = [look for look in trace.looks if look.section == section]
        if not looks:
            stream.write(f"  {section:<14}  {plural(count, 'rule')}, none matches\n")
        for look in looks:
            told = f"{section}[{look.index}] ({look.subject}) matches{', and decides' if look.decides else ''}"
            stream.write(f"  {section:<14}  {printable(told)} [{_placed(look.place, base)}]\n")
    if decision and decision.lead:
        members = [other.name for other in plan.decisions if other.lead == decision.lead]
        stream.write(f"  set             {printable(', '.join(members))}\n")


def write_changes(found: Sequence[Change], effect: Impact | None, host: str, stream: IO[str], *, base: str) -> None:
    """The changes, a line each; with an `effect`, its models and the sum for `host`."""
    for change in found:
        where = f" [{_placed(change.place, base)}]" if change.place else ""
        stream.write(f"{printable(change.text)}{where}\n")
    if not found:
        stream.write("The manifests mean the same.\n")
    if effect is None:
        return
    stream.write("\n")
    for decision in effect.deleted:
        stream.write(f"deletes     {_model(decision)}\n")
    for decision in effect.spared:
        stream.write(f"spares      {_model(decision)}\n")
    for before, after in effect.other:
        one = STATUS[before.verdict] if before else "-"
        other = STATUS[after.verdict] if after else "-"
        shown = after or before
        stream.write(f"{one} -> {other}  {printable(shown.name if shown else '')}\n")
    if not effect.deleted:
        stream.write(f"This change deletes no model on {printable(host)}.\n")
    else:
        size = both_sizes(effect.bytes_deleted)
        stream.write(f"This change deletes {plural(len(effect.deleted), 'model')}, {size}, on {printable(host)}.\n")


def _model(decision: Decision) -> str:
    size = f" ({both_sizes(decision.file.size)})" if decision.file else ""
    return f"{printable(decision.name)}{size}: {printable(decision.reason)}"


def _placed(place: Place, base: str) -> str:
    return printable(str(place._replace(file=shortest(place.file, base))))
