"""The model directory and its file system. Nothing is written there; what must be tried is tried elsewhere."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator

from reconciler.doctor.finding import Finding, Status
from reconciler.facts import DirectoryFacts
from reconciler.holders.mounts import Volume, kind_of, volume_of
from reconciler.inventory import DIRECTORY_FLAGS
from reconciler.names import printable
from reconciler.quantities import human_size, plural
from reconciler.transaction.tree import rename_without_replacing

ROOM = 1 << 20
"""Bytes that an apply may need for its journal before anything is freed."""

_SNAPSHOTS = {
    "btrfs": "btrfs subvolume list -s",
    "zfs": "zfs list -t snapshot",
    "bcachefs": "bcachefs subvolume list",
    "nilfs2": "lscp",
}
"""File systems that can keep deleted data, and the command that says whether they do."""
_NAMED = 3


def directory_findings(descriptor: int, directory: DirectoryFacts) -> Iterator[Finding]:
    """Every check of the directory open at `descriptor`."""
    kind = kind_of(descriptor)
    yield Finding(Status.OK, "model directory", printable(directory.path))
    yield _writable(descriptor, directory)
    yield _space(descriptor, directory)
    yield _file_system(kind, directory)
    yield _mounts_below(directory)
    yield _snapshots(kind, directory)
    yield _rename_and_fsync(kind, directory)


def _writable(descriptor: int, directory: DirectoryFacts) -> Finding:
    name, where = "permissions", printable(directory.path)
    if os.fstatvfs(descriptor).f_flag & os.ST_RDONLY:
        what = f"{where}: is mounted read-only: plan and audit work, an apply cannot"
        return Finding(Status.FAIL, name, what, f"remount it for the apply: mount -o remount,rw {where}")
    user = f"user {os.geteuid()}"
    if not os.access(".", os.W_OK | os.X_OK, dir_fd=descriptor, effective_ids=True):
        owner = os.fstat(descriptor).st_uid
        what = f"{where}: {user} may not write there, so that an apply cannot move models"
        return Finding(Status.FAIL, name, what, f"run the apply as its owner (user {owner}) or as root")
    closed = [entry for entry in _subdirectories(descriptor) if not _may_change(descriptor, entry)]
    if closed:
        named = ", ".join(map(printable, closed[:_NAMED])) + (", …" if len(closed) > _NAMED else "")
        what = f"{where}: {user} may not read and write these subdirectories: {named}"
        return Finding(Status.FAIL, name, what, "run the apply as their owner or as root")
    return Finding(Status.OK, name, f"{user} may read and write there")


def _subdirectories(descriptor: int) -> list[str]:
    with os.scandir(descriptor) as entries:
        return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))


def _may_change(descriptor: int, name: str) -> bool:
    return os.access(name, os.R_OK | os.W_OK | os.X_OK, dir_fd=descriptor, effective_ids=True)


def _space(descriptor: int, directory: DirectoryFacts) -> Finding:
    name, where = "space", printable(directory.path)
    space = os.fstatvfs(descriptor)
    free = space.f_bavail * space.f_frsize
    if free < ROOM or (space.f_files and not space.f_favail):
        left = f"{human_size(free)} and {plural(space.f_favail, 'inode')} are left"
        what = f"{where}: the disk is full: {left}, and the journal of an apply needs {human_size(ROOM)}"
        remedy = "make a little room, for example with `ocr-reconcile purge` or by removing a log, then apply"
        return Finding(Status.FAIL, name, what, remedy)
    return Finding(Status.OK, name, f"{human_size(free)} of {human_size(space.f_blocks * space.f_frsize)} are free")


def _file_system(kind: str, directory: DirectoryFacts) -> Finding:
    name, where = "file system", printable(directory.path)
    if not kind:
        what = f"{where}: its kind cannot be told, so a granted lease is not believed"
        return Finding(Status.UNKNOWN, name, what, "mount /proc")
    match volume_of(kind):
        case Volume.LOCAL:
            return Finding(Status.OK, name, f"{printable(kind)}: local, leases tell who holds a model")
        case Volume.STACKED:
            what = f"{kind}: the kernel grants leases on mapped files here, so /proc must agree"
            return Finding(Status.WARN, name, what, "keep models on a volume, and not in the image of a container")
        case Volume.REMOTE:
            what = f"{printable(kind)}: another host or a server may hold a model, and cannot be asked"
            remedy = "apply on the server; or stop the other hosts, and pass --accept-unknown"
            return Finding(Status.WARN, name, what, remedy)


def _mounts_below(directory: DirectoryFacts) -> Finding:
    """A model on another mount cannot be renamed into the quarantine, even if the device is the same."""
    name, where = "one mount", printable(directory.path)
    try:
        points = mount_points()
    except OSError as error:
        return Finding(Status.UNKNOWN, name, f"the mounts cannot be read: {error.strerror}", "mount /proc")
    below = [point for point in points if point.startswith(directory.path + "/")]
    if below:
        named = ", ".join(map(printable, below[:_NAMED]))
        what = f"{where}: {named} is a mount of its own: a model there cannot be moved into quarantine"
        return Finding(Status.FAIL, name, what, "give it a manifest of its own, or unmount it")
    return Finding(Status.OK, name, "no other file system is mounted below")


def mount_points() -> list[str]:
    """Every mount point of this process. Raises OSError."""
    with open("/proc/self/mountinfo", "rb") as file:
        rows = [line.split(b" ") for line in file]
    return [os.fsdecode(re.sub(rb"\\(\d{3})", lambda found: bytes([int(found[1], 8)]), row[4])) for row in rows]


def _snapshots(kind: str, directory: DirectoryFacts) -> Finding:
    name = "snapshots"
    if kind in _SNAPSHOTS:
        what = f"{kind} can keep deleted models in snapshots, and then a purge frees nothing"
        return Finding(Status.UNKNOWN, name, what, f"see `{_SNAPSHOTS[kind]}`, with {printable(directory.path)}")
    return Finding(Status.OK, name, f"{kind or 'this kind'} has none of its own; those of a volume below are not seen")


def _rename_and_fsync(kind: str, directory: DirectoryFacts) -> Finding:
    name = "rename and fsync"
    try:
        tried = _try(directory.device)
    except OSError as error:
        what = f"failed on this file system: {error.strerror}"
        return Finding(Status.FAIL, name, what, "see the kernel's log; do not apply before it is repaired")
    if tried:
        return Finding(Status.OK, name, "tried in a temporary directory of the same file system")
    if kind and volume_of(kind) is not Volume.REMOTE:
        return Finding(Status.OK, name, f"not tried, because nothing is written beside models; {kind} has both")
    what = f"not tried, because nothing is written beside models, and not known of {kind or 'this file system'}"
    return Finding(
        Status.UNKNOWN, name, what, "an apply tries them before it moves anything, and stops where they fail"
    )


def _try(device: int) -> bool:
    """Rename without replacing, and fsync of a file and a directory; False where the temporary directory is elsewhere.

    Raises OSError.
    """
    try:
        home = tempfile.TemporaryDirectory(prefix="ocr-reconcile-")
    except OSError:
        return False
    with home:
        if os.stat(home.name).st_dev != device:
            return False
        folder = os.open(home.name, DIRECTORY_FLAGS)
        try:
            with open(f"{home.name}/one", "xb") as file:
                os.fsync(file.fileno())
            rename_without_replacing("one", folder, "two", folder)
            os.fsync(folder)
        finally:
            os.close(folder)
    return True
