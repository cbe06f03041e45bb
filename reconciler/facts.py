"""What was observed, as frozen values. Nothing here looks at anything itself.

Names of models are POSIX paths relative to the model directory. Bytes that are not UTF-8 are carried as
surrogates (PEP 383), so a name can be handed back to the operating system unchanged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

STATE_DIRECTORY = ".ocr-reconcile"
"""The directory of our own state inside a model directory; never part of an inventory."""


class FileFacts(NamedTuple):
    """The evidence of one regular file: what must still be true of it when it is removed.

    A named tuple, because one is made for every file of a directory and a frozen dataclass costs more than
    the `stat` it records. `allocated` is in bytes (`st_blocks` times 512).
    """

    name: str
    device: int
    inode: int
    size: int
    mtime_ns: int
    links: int
    allocated: int

    @property
    def identity(self) -> tuple[int, int]:
        """Device and inode: the same for every name of one file."""
        return self.device, self.inode

    def same_content_as(self, other: FileFacts) -> bool:
        """Whether both are one file with unchanged content: device, inode, size and mtime."""
        return self[1:5] == other[1:5]


class Digest(NamedTuple):
    """The SHA-256 of a file in hexadecimal digits, or the `fault` that kept it from being told."""

    sha256: str
    fault: str = ""


@dataclass(frozen=True, slots=True)
class DirectoryFacts:
    """The model directory: its absolute real path, and what identifies it."""

    path: str
    device: int
    inode: int


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """What an engine answered in one session: created, asked, `free_resources()` called.

    `listing` holds what `list_local()` gave, in its order, relative to `model_directory`; a path outside of it is
    absolute. A name that is not UTF-8 has U+FFFD in it, and then names no file. `model_directory` is absolute.
    `python` is the interpreter that asked.
    `in_process` says that it is the caller's own object, whose process lives on.
    """

    release: str
    python: str
    model_directory: str
    listing: tuple[str, ...]
    in_process: bool = False


@dataclass(frozen=True, slots=True)
class Inventory:
    """The observed state of one model directory: the scan, cross-checked with the engine's listing.

    `files` is sorted by name. `listed` holds the names of those files that the engine lists, or is None where
    no engine was asked. `ghosts` are paths that the engine lists and the disk lacks, `aliases` are other paths
    (through symbolic links) under which the engine lists a file, `left_alone` counts what is not a candidate
    by its kind: `symlink`, `special` (FIFO, socket, device), `too deep`.
    """

    directory: DirectoryFacts
    files: tuple[FileFacts, ...]
    listed: frozenset[str] | None = None
    ghosts: tuple[str, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    left_alone: Mapping[str, int] = field(default_factory=dict)
    engine: EngineFacts | None = None


class Hold(StrEnum):
    """The answer of the probe for one file. Unknown is never read as free."""

    FREE = "free"
    HELD = "held"
    UNKNOWN = "unknown"


class Holder(NamedTuple):
    """A process that keeps a file. `started` is in clock ticks since boot, as /proc tells it (0 where unknown).

    `how` says in which ways, for example `("mapping",)` or `("descriptor 4 (read)", "flock (exclusive)")`.
    """

    pid: int
    started: int
    command: str
    user: str
    how: tuple[str, ...]
    ours: bool = False


class HoldAnswer(NamedTuple):
    """What the probe found for one file, by which means, and in `why` what an `unknown` is due to.

    A named tuple, as `FileFacts` is. `holders` may be empty for a held file: a process outside this PID namespace, or
    one that may not be read.
    """

    file: FileFacts
    hold: Hold
    means: tuple[str, ...]
    holders: tuple[Holder, ...] = ()
    why: str = ""


def digest_of(data: bytes) -> str:
    """`sha256:` and the hexadecimal digest of `data`."""
    import hashlib  # 10 ms that not every command needs

    return "sha256:" + hashlib.sha256(data).hexdigest()
