"""The kernel's own yes-or-no answer on Linux: a write lease, taken and dropped at once.

`fcntl(F_SETLEASE, F_WRLCK)` is granted only while no other open file description of the inode exists, in any
process of any namespace: descriptors, mappings whose descriptor is closed, executables being run, loop devices,
swap files, descriptors in flight on a socket (fcntl(2); `check_conflicting_open` in fs/locks.c). Not counted are
`O_PATH` descriptors and bind mounts of the file. The caller must own the file or have CAP_LEASE.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import stat
from enum import Enum, auto
from typing import NamedTuple

from reconciler.facts import FileFacts

FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Lease(Enum):
    """What asking for the lease told."""

    GRANTED = auto()
    REFUSED = auto()
    UNAVAILABLE = auto()
    CHANGED = auto()


class LeaseLook(NamedTuple):
    """The answer for one file, and in `why` what an unavailable lease or a changed file is due to."""

    lease: Lease
    why: str = ""


_GRANTED = LeaseLook(Lease.GRANTED)


def open_same(directory_fd: int, file: FileFacts) -> int:
    """Open exactly the file of the evidence for reading; OSError(ESTALE) where the name is another file by now."""
    fd = os.open(file.name, FLAGS, dir_fd=directory_fd)
    found = os.fstat(fd)
    if (found.st_dev, found.st_ino) == file.identity and stat.S_ISREG(found.st_mode):
        return fd
    os.close(fd)
    raise OSError(errno.ESTALE, "is another file than the one observed")


def ask(directory_fd: int, file: FileFacts) -> LeaseLook:
    """Ask the kernel for a lease on the file, and give it back at once."""
    try:
        fd = open_same(directory_fd, file)
    except OSError as error:
        return _not_opened(directory_fd, file, error)
    try:
        return _ask_open(fd)
    finally:
        os.close(fd)


def _ask_open(fd: int) -> LeaseLook:
    """Take a lease on an open descriptor that is the only one of ours; closing it gives the lease back (fcntl(2)).

    Whoever opens the file in the microseconds between is made to wait by the kernel, which signals us. The
    default signal is SIGIO, and that ends a process; SIGURG is ignored by default, so neither a handler nor a
    mask of the caller has to be touched, and that works in any thread.
    """
    try:
        fcntl.fcntl(fd, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)
    except OSError as error:
        if error.errno in {errno.EAGAIN, errno.EBUSY}:
            return LeaseLook(Lease.REFUSED)
        return LeaseLook(Lease.UNAVAILABLE, _no_lease(error))
    return _GRANTED


def _no_lease(error: OSError) -> str:
    """Why the kernel gives no lease at all, and what would help."""
    if error.errno in {errno.EACCES, errno.EPERM}:
        return "no lease: the file is another user's (run as its owner, or with CAP_LEASE)"
    return f"no lease on this file system ({error.strerror})"


def _not_opened(directory_fd: int, file: FileFacts, error: OSError) -> LeaseLook:
    """What an open that failed means: under somebody's lease, changed, or not for us to open."""
    if error.errno in {errno.EAGAIN, errno.ETXTBSY}:
        return LeaseLook(Lease.REFUSED)
    if error.errno not in {errno.EACCES, errno.EPERM}:
        return LeaseLook(Lease.CHANGED, _changed(error))
    try:
        found = os.stat(file.name, dir_fd=directory_fd, follow_symlinks=False)
    except OSError as gone:
        return LeaseLook(Lease.CHANGED, _changed(gone))
    if (found.st_dev, found.st_ino) != file.identity:
        return LeaseLook(Lease.CHANGED, "is another file than the one observed; plan again")
    return LeaseLook(Lease.UNAVAILABLE, "no lease: the file may not be opened (run as its owner, or as root)")


def _changed(error: OSError) -> str:
    """An error about the name as words."""
    if error.errno in {errno.ENOENT, errno.ENOTDIR}:
        return "vanished since it was observed; plan again"
    if error.errno == errno.ELOOP:
        return "is a symbolic link by now; plan again"
    if error.errno in {errno.ESTALE, errno.ENXIO}:
        return "is another file than the one observed; plan again"
    return f"cannot be opened ({error.strerror}); see to that and try again"
