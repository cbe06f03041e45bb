"""The probe where there is no /proc of Linux: psutil. Tried on Linux only; macOS, the BSDs and Windows are untried.

psutil names paths, so each is looked up again and compared by device and inode. What cannot be read makes the
answer unknown, and so does a system on which psutil tells no mappings (macOS). Windows refuses to move a file
that is open, which is a proof of its own, but has no directory descriptors: nothing here runs there yet.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, MutableMapping, Sequence
from typing import TYPE_CHECKING

from reconciler.facts import FileFacts, Hold, HoldAnswer, Holder
from reconciler.redaction import redacted_command

if TYPE_CHECKING:
    import psutil

Identity = tuple[int, int]


def probe(
    directory_fd: int, files: Sequence[FileFacts], _kinds: MutableMapping[int, str] | None = None
) -> list[HoldAnswer]:
    """Say of each file, in order, whether a process holds it, as far as psutil can see.

    The file systems do not matter here.
    """
    changed = {file: why for file in files if (why := _changed(directory_fd, file))}
    wanted = frozenset(file.identity for file in files if file not in changed)
    holders, unreadable = _scan(wanted) if wanted else ({}, 0)
    return [_judge(file, changed.get(file, ""), holders.get(file.identity, ()), unreadable) for file in files]


def _judge(file: FileFacts, changed: str, holders: Sequence[Holder], unreadable: int) -> HoldAnswer:
    if changed:
        return HoldAnswer(file, Hold.UNKNOWN, ("stat",), why=changed)
    if holders:
        return HoldAnswer(file, Hold.HELD, ("psutil",), tuple(holders))
    if unreadable:
        why = f"may be held by one of {unreadable} processes that may not be read (run as an administrator)"
        return HoldAnswer(file, Hold.UNKNOWN, ("psutil",), why=why)
    if not _tells_mappings():
        why = "may be held by a mapping, which this system does not tell (stop what uses it)"
        return HoldAnswer(file, Hold.UNKNOWN, ("psutil",), why=why)
    return HoldAnswer(file, Hold.FREE, ("psutil",))


def _tells_mappings() -> bool:
    import psutil

    return hasattr(psutil.Process, "memory_maps")


def _changed(directory_fd: int, file: FileFacts) -> str:
    try:
        found = os.stat(file.name, dir_fd=directory_fd, follow_symlinks=False)
    except OSError as error:
        return f"cannot be looked at ({error.strerror}); plan again"
    return "" if (found.st_dev, found.st_ino) == file.identity else "is another file than the one observed; plan again"


def _scan(wanted: frozenset[Identity]) -> tuple[dict[Identity, list[Holder]], int]:
    """One pass over all processes: the holders of each file, and how many processes could not be read."""
    import psutil

    found: dict[Identity, list[Holder]] = {}
    unreadable = 0
    for process in psutil.process_iter():
        try:
            for identity, ways in _ways(process, wanted).items():
                found.setdefault(identity, []).append(_describe(process, ways))
        except psutil.NoSuchProcess:
            continue
        except (psutil.AccessDenied, OSError):
            unreadable += 1
    return found, unreadable


def _ways(process: psutil.Process, wanted: frozenset[Identity]) -> dict[Identity, dict[str, None]]:
    """In which ways one process holds which of the files."""
    ways: dict[Identity, dict[str, None]] = {}
    for path, way in _paths(process):
        try:
            found = os.stat(path)
        except FileNotFoundError:
            continue  # not a file, or unlinked: then it is not one of ours any more
        if (found.st_dev, found.st_ino) in wanted:
            ways.setdefault((found.st_dev, found.st_ino), {})[way] = None
    return ways


def _paths(process: psutil.Process) -> Iterator[tuple[str, str]]:
    """Every path that a process has open, maps or runs."""
    for opened in process.open_files():
        yield opened.path, f"descriptor {opened.fd}"
    for mapped in process.memory_maps(grouped=False) if _tells_mappings() else ():
        yield mapped.path, "mapping"
    yield process.exe(), "executable"


def _describe(process: psutil.Process, ways: dict[str, None]) -> Holder:
    with process.oneshot():
        command = redacted_command(process.cmdline())[:200]
        return Holder(process.pid, 0, command, process.username(), tuple(ways), process.pid == os.getpid())
