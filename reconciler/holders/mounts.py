"""Which kind of file system a file is on, as far as it decides what a probe is worth there (Linux)."""

from __future__ import annotations

import os
from enum import Enum, auto

_LOCAL = frozenset(
    (
        *("ext2", "ext3", "ext4", "xfs", "btrfs", "bcachefs", "f2fs", "jfs", "nilfs2", "reiserfs", "zfs"),
        *("tmpfs", "ramfs", "exfat", "ntfs3", "vfat", "erofs", "iso9660", "squashfs", "udf"),
    )
)


class Volume(Enum):
    """What a granted lease is worth on a file system.

    LOCAL: everything. STACKED (overlay): a mapping whose descriptor is closed belongs to the file of the lower
    file system, and the lease does not see it (measured on Linux 6.18: granted while mapped). REMOTE: network
    file systems, FUSE and all that is not known to be local: another host or a server may hold the file.
    """

    LOCAL = auto()
    STACKED = auto()
    REMOTE = auto()


def volume_of(kind: str) -> Volume:
    """Classify the name of a file system as in /proc/filesystems; what is not known counts as remote."""
    if kind in _LOCAL:
        return Volume.LOCAL
    return Volume.STACKED if kind == "overlay" else Volume.REMOTE


def kind_of(fd: int) -> str:
    """The name of the file system that an open descriptor is on, as in /proc/filesystems; "" if not to be told."""
    try:
        mount = _field(_read(f"/proc/self/fdinfo/{fd}"), b"mnt_id:")
        for line in _read("/proc/self/mountinfo").splitlines():
            if line.startswith(mount + b" "):
                return os.fsdecode(line.partition(b" - ")[2].split(b" ", 1)[0])
    except OSError:
        pass
    return ""


def hides_processes() -> bool:
    """Whether /proc is mounted so that it leaves out processes (`hidepid`), or that cannot be told."""
    try:
        rows = [line.partition(b" - ") for line in _read("/proc/self/mountinfo").splitlines()]
    except OSError:
        return True
    options = [right.split(b" ")[-1].split(b",") for left, _, right in rows if left.split(b" ")[4] == b"/proc"]
    return not options or any(word.startswith(b"hidepid=") and word != b"hidepid=0" for word in options[-1])


def _field(text: bytes, key: bytes) -> bytes:
    """The value of `key` in lines of `key value`."""
    return next((line.split()[1] for line in text.splitlines() if line.startswith(key)), b"?")


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()
