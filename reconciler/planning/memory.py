"""What a model directory remembers between runs: since when models are unwanted, and what was protected. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from reconciler.facts import FileFacts
from reconciler.planning.verdicts import Decision, Verdict

_FORMAT = 1


class Sighting(NamedTuple):
    """When a file was first seen unwanted (seconds since 1970), and which content that was."""

    first: float
    size: int
    mtime_ns: int

    def is_of(self, file: FileFacts) -> bool:
        """Whether the file is unchanged since. Its inode is not compared: it may change with a remount."""
        return (self.size, self.mtime_ns) == (file.size, file.mtime_ns)


@dataclass(frozen=True, slots=True)
class Memory:
    """`unwanted` by name, `protected` as the last applied manifest's rules said; `fault` if it could not be read."""

    unwanted: Mapping[str, Sighting] = field(default_factory=dict)
    protected: frozenset[str] = frozenset()
    fault: str = ""

    def first_seen(self, file: FileFacts) -> float | None:
        """Since when this very file is unwanted; None if it was not seen so."""
        sighting = self.unwanted.get(file.name)
        return sighting.first if sighting and sighting.is_of(file) else None


def after(memory: Memory, decisions: Iterable[Decision], at: float, *, grace: float, applied: bool) -> Memory:
    """What to remember once `decisions` were seen at `at`; `protected` changes only with an apply.

    What is no longer unwanted is forgotten, so that its time starts anew.
    """
    unwanted: dict[str, Sighting] = {}
    protected: set[str] = set()
    for decision in decisions:
        file = decision.file
        if file is None:
            continue
        if grace and decision.unwanted:
            first = memory.first_seen(file)
            unwanted[file.name] = Sighting(at if first is None else first, file.size, file.mtime_ns)
        elif decision.verdict is Verdict.PROTECTED and decision.place is not None:
            protected.add(file.name)
    return Memory(unwanted, frozenset(protected) if applied else memory.protected)


def memory_text(memory: Memory) -> bytes:
    """The text of it, for the state directory."""
    value = {
        "format": _FORMAT,
        "unwanted": {name: list(sighting) for name, sighting in sorted(memory.unwanted.items())},
        "protected": sorted(memory.protected),
    }
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def parse_memory(data: bytes) -> Memory:
    """The memory that `memory_text` wrote; ValueError for anything else."""
    value = json.loads(data)
    if not isinstance(value, dict) or value.get("format") != _FORMAT:
        raise ValueError("not of a format that this release reads")
    try:
        unwanted = {name: _sighting(*row) for name, row in value["unwanted"].items()}
        return Memory(unwanted, frozenset(map(_name, value["protected"])))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("damaged") from error


def _sighting(first: float, size: int, mtime_ns: int) -> Sighting:
    if not isinstance(first, (int, float)) or type(size) is not int or type(mtime_ns) is not int:
        raise TypeError("not a sighting")
    return Sighting(first, size, mtime_ns)


def _name(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not a name")
    return value
