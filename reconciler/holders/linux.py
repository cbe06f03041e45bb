"""The probe on Linux: the lease decides where it can, /proc names the holders and decides where it cannot."""

from __future__ import annotations

import mmap
import os
import threading
from collections.abc import Container, Iterator, Mapping, MutableMapping, Sequence

from reconciler.facts import FileFacts, Hold, HoldAnswer
from reconciler.holders import lease, mounts, procfs
from reconciler.holders.lease import Lease, LeaseLook
from reconciler.holders.mounts import Volume

_ONE_AT_A_TIME = threading.Lock()  # two probes at once would take each other's descriptor for a holder
_KERNEL = "the kernel (loop device, swap file, a descriptor in flight; see `losetup -j`, `swapon --show`)"


def probe(
    directory_fd: int, files: Sequence[FileFacts], kinds: MutableMapping[int, str] | None = None
) -> list[HoldAnswer]:
    """Say of each file, in order, whether anything holds it, and who; names are relative to `directory_fd`.

    `kinds` are the file systems that are known already, by device, and takes those that are learned here. They stay
    true while `directory_fd` is open, which keeps its file system mounted and the device number its own.
    """
    with _ONE_AT_A_TIME:
        looks = [lease.ask(directory_fd, file) for file in files]
        kinds = _learn_kinds(directory_fd, files, looks, {} if kinds is None else kinds)
        local = {device for device, kind in kinds.items() if mounts.volume_of(kind) is Volume.LOCAL}
        answers = [_without_proc(file, look, local) for file, look in zip(files, looks, strict=True)]
        suspects = [number for number, answer in enumerate(answers) if answer is None]
        judged = _with_proc(directory_fd, [files[i] for i in suspects], [looks[i] for i in suspects], kinds)
        return [answer or next(judged) for answer in answers]


def _learn_kinds(
    directory_fd: int, files: Sequence[FileFacts], looks: Sequence[LeaseLook], kinds: MutableMapping[int, str]
) -> MutableMapping[int, str]:
    """Add the file system of each device that is not known, asked of one file of it that can be opened."""
    for file, look in zip(files, looks, strict=True):
        if file.device not in kinds and look.lease is not Lease.CHANGED:
            try:
                fd = lease.open_same(directory_fd, file)
            except OSError:
                continue
            kinds[file.device] = mounts.kind_of(fd)
            os.close(fd)
    return kinds


def _without_proc(file: FileFacts, look: LeaseLook, local: Container[int]) -> HoldAnswer | None:
    """The answer to which /proc has nothing to add: gone, or a lease granted on one of the `local` devices."""
    if look.lease is Lease.GRANTED and file.device in local:
        return HoldAnswer(file, Hold.FREE, ("lease",))
    if look.lease is Lease.CHANGED:
        return HoldAnswer(file, Hold.UNKNOWN, ("open",), why=look.why)
    return None


def _with_proc(
    directory_fd: int, suspects: Sequence[FileFacts], looks: Sequence[LeaseLook], kinds: Mapping[int, str]
) -> Iterator[HoldAnswer]:
    """Answer with one pass over /proc for all the files that the lease leaves open, and none where there are none."""
    if not suspects:
        return
    spellings = {
        device: _spelling(directory_fd, suspects, device, kinds.get(device, ""))
        for device in {file.device for file in suspects}
    }
    known = {device: spelled for device, spelled in spellings.items() if spelled}
    seen = procfs.scan({file.identity for file in suspects}, known)
    for file, look in zip(suspects, looks, strict=True):
        yield _judge(file, look, seen, kinds.get(file.device, ""), file.device in known)


def _judge(file: FileFacts, look: LeaseLook, seen: procfs.Scan, kind: str, recognised: bool) -> HoldAnswer:
    """Put the lease and /proc together: held if either says so, free only if nothing can hide a holder."""
    holders = seen.holders.get(file.identity, ())
    means = ("proc",) if look.lease is Lease.UNAVAILABLE else ("lease", "proc")
    if holders:
        return HoldAnswer(file, Hold.HELD, means, holders)
    doubts = _doubts(seen, recognised)
    if look.lease is Lease.REFUSED:
        return HoldAnswer(file, Hold.HELD, means, why="held by " + ", or by ".join((*doubts, _KERNEL)))
    if mounts.volume_of(kind) is Volume.REMOTE:
        doubts.append(f"a process on another host, or a server (file system {kind or 'not known'}; look there)")
    if not doubts:
        return HoldAnswer(file, Hold.FREE, means)
    why = "may be held by " + ", or by ".join(doubts)
    return HoldAnswer(file, Hold.UNKNOWN, means, why=f"{why}; {look.why}" if look.why else why)


def _doubts(seen: procfs.Scan, recognised: bool) -> list[str]:
    """Who may hide from the pass over /proc, in words that go on from "held by"."""
    doubts = []
    if seen.unreadable:
        doubts.append(f"one of {seen.unreadable} processes that may not be read (run as root)")
    if not recognised:
        doubts.append("a mapping, which cannot be recognised on this file system (stop what uses it)")
    if seen.blind:
        doubts.append(seen.blind)
    return doubts


def _spelling(directory_fd: int, files: Sequence[FileFacts], device: int, kind: str) -> bytes | None:
    """How maps spell a device: learned by mapping a file of it ourselves, as btrfs and old overlay differ from stat.

    None where it cannot be learned. On overlay only the very number of stat is believed: older kernels show the
    lower file system there, with inodes of its own.
    """
    for file in files:
        if file.device == device and (seen := _mapped_as(directory_fd, file)):
            exact = procfs.spelling(device)
            if exact in seen:
                return exact
            return seen.pop() if len(seen) == 1 and mounts.volume_of(kind) is not Volume.STACKED else None
    return None


def _mapped_as(directory_fd: int, file: FileFacts) -> set[bytes]:
    """The device numbers of our own mappings with the inode of this file, while it is mapped."""
    try:
        fd = lease.open_same(directory_fd, file)
    except OSError:
        return set()
    try:
        with mmap.mmap(fd, 1, prot=mmap.PROT_READ), open("/proc/self/maps", "rb") as maps:
            rows = [line.split(None, 5) for line in maps]
    except (OSError, ValueError):
        return set()  # empty, or of a file system that cannot map
    finally:
        os.close(fd)
    return {row[3] for row in rows if row[4] == b"%d" % file.inode}
