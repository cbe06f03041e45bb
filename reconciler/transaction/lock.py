"""The run lock of a model directory.

`flock` on a descriptor of our own, opened relative to the directory without following symbolic links. The
`filelock` library opens its file by path and cannot do that, so it is not used here. The kernel drops the lock with
the process that holds it; so a lock that can be had is proof that its former owner is dead, and the record of an
owner that is left in the file is only read by those who lose, to say whom they met.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import stat
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from reconciler.errors import ActiveRunError, ApplyError
from reconciler.names import printable

_NAME = "lock"


@dataclass(frozen=True, slots=True)
class Owner:
    """Who holds the lock. `started` is in clock ticks since boot (0 where unknown), `since` in seconds."""

    host: str
    pid: int
    started: int
    user: str
    command: str
    since: float

    def __str__(self) -> str:
        """In words, for messages."""
        since = datetime.fromtimestamp(self.since, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        user, host, command = map(printable, (self.user, self.host, self.command))
        return f"process {self.pid} of {user} on {host} since {since} ({command})"

    @property
    def here(self) -> bool:
        """Whether it is or was a process of this host."""
        return self.host == os.uname().nodename

    @property
    def dead(self) -> bool:
        """Whether it is proven that this process is no more: same host, and the pid is free or was given anew."""
        return self.here and _started(self.pid) not in {self.started, 0}


def _started(pid: int) -> int:
    """When a process started, in ticks since boot; -1 if there is none, 0 if that cannot be told."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stream:
            return int(stream.read().rpartition(b")")[2].split()[19])
    except (FileNotFoundError, ProcessLookupError):
        return -1 if os.path.exists("/proc/self/stat") else 0
    except OSError:
        return 0


def ourselves(now: float) -> Owner:
    """This process as an owner."""
    import pwd

    try:
        user = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        user = str(os.geteuid())
    command = " ".join(sys.argv)[:200]
    return Owner(os.uname().nodename, os.getpid(), max(_started(os.getpid()), 0), user, command, now)


class RunLock:
    """The lock, held. `former` is the owner that died without letting go of it, if any."""

    def __init__(self, descriptor: int, owner: Owner, former: Owner | None) -> None:
        self._descriptor, self.owner, self.former = descriptor, owner, former

    @classmethod
    def take(cls, folder: int, where: str, now: float) -> RunLock:
        """Take the lock in the open directory `folder`.

        Raises ActiveRunError with the owner if another run holds it, ApplyError if it cannot be locked at all.
        """
        try:
            descriptor = os.open(_NAME, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder)
        except OSError as error:
            raise ApplyError(
                f"{where}: the run lock cannot be opened ({error.strerror}); nothing was touched"
            ) from error
        try:
            _flock(descriptor, where)
            _refuse_impostor(descriptor, folder, where)
            former, owner = read_owner(descriptor), ourselves(now)
            _write(descriptor, owner)
        except BaseException as error:
            os.close(descriptor)
            if isinstance(error, OSError):
                raise ApplyError(f"{where}: cannot be locked ({error.strerror}); nothing was touched") from error
            raise
        return cls(descriptor, owner, former)

    def release(self) -> None:
        """Take our name out and let go. A name that cannot be taken out does no harm."""
        try:
            os.ftruncate(self._descriptor, 0)
        except OSError:
            pass
        finally:
            os.close(self._descriptor)


def _flock(descriptor: int, where: str) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = read_owner(descriptor)
        who = str(owner) if owner else "a process that has not yet said who it is"
        raise ActiveRunError(f"{where}: another run is active: {who}; wait for it, then start again") from None


def _refuse_impostor(descriptor: int, folder: int, where: str) -> None:
    """The lock must be the regular file that still has the name: else two runs could each lock one of their own."""
    mine, named = os.fstat(descriptor), os.stat(_NAME, dir_fd=folder, follow_symlinks=False)
    if not stat.S_ISREG(mine.st_mode) or (mine.st_dev, mine.st_ino) != (named.st_dev, named.st_ino):
        raise ActiveRunError(f"{where}: the run lock was replaced while it was taken; start again")


def read_owner(descriptor: int) -> Owner | None:
    """The owner that the lock file names; None if it names none, or is just being written."""
    try:
        return Owner(**json.loads(os.pread(descriptor, 4096, 0)))
    except (ValueError, TypeError):
        return None


def _write(descriptor: int, owner: Owner) -> None:
    data = json.dumps(asdict(owner)).encode()
    os.ftruncate(descriptor, 0)
    if os.pwrite(descriptor, data, 0) != len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
