"""Who holds: one pass over /proc, matched by device and inode, never by path (Linux; proc(5)).

One pass whatever the number of files. A process that ends while it is looked at holds nothing; one that may
not be read is counted, because it may hold anything. Paths in /proc are never compared: they are those of the
process's own mount namespace, and hostile besides.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from reconciler.facts import Holder
from reconciler.holders.mounts import hides_processes
from reconciler.redaction import redacted_command

Identity = tuple[int, int]
Seen = tuple[bytes, bytes]
"""A file as maps and locks spell it: `major:minor` in hexadecimal, and the inode."""

_INITIAL_PID_NAMESPACE = "pid:[4026531836]"  # PROC_PID_INIT_INO, fixed in include/linux/proc_ns.h
_KERNEL_THREAD = 0x00200000  # PF_KTHREAD, include/linux/sched.h
_LONGEST_COMMAND = 200
_MOST_ARGUMENTS = 1 << 16
_LOCK_KINDS = {
    b"FLOCK": "flock",
    b"POSIX": "POSIX lock",
    b"OFDLCK": "OFD lock",
    b"LEASE": "lease",
    b"DELEG": "delegation",
}
_ACCESS = {
    0: "path only",
    stat.S_IRUSR: "read",
    stat.S_IWUSR: "write",
    stat.S_IRUSR | stat.S_IWUSR: "read and write",
}


@dataclass(slots=True)
class Scan:
    """What one pass found: the ways of each (file, process), how many could not be read, and what /proc hides."""

    holders: dict[Identity, tuple[Holder, ...]] = field(default_factory=dict)
    unreadable: int = 0
    blind: str = ""


@dataclass(slots=True)
class _Pass:
    """The state of a pass: what is looked for, and the ways found so far by file and process."""

    identities: frozenset[Identity]
    spelled: Mapping[Seen, Identity]
    tokens: Sequence[tuple[re.Pattern[bytes], frozenset[bytes]]]
    ways: dict[tuple[Identity, int], dict[str, None]] = field(default_factory=dict)
    unreadable: int = 0
    locks: Sequence[tuple[Identity, int, str]] = ()
    locked: frozenset[Identity] = frozenset()

    def add(self, identity: Identity, pid: int, way: str) -> None:
        self.ways.setdefault((identity, pid), {})[way] = None


def spelling(device: int) -> bytes:
    """A device number as maps and locks spell it (`%02x:%02x`)."""
    return b"%02x:%02x" % (os.major(device), os.minor(device))


def scan(identities: Iterable[Identity], devices: Mapping[int, bytes]) -> Scan:
    """Look through every process for these files; `devices` tells how maps spell a device, where it differs."""
    wanted = frozenset(identities)
    spelled = {(devices.get(device) or spelling(device), b"%d" % inode): (device, inode) for device, inode in wanted}
    state = _Pass(wanted, spelled, _tokens(spelled))
    try:
        names = os.listdir("/proc")
        own = int(os.readlink("/proc/self"))
    except (OSError, ValueError):
        return Scan(blind="any process: there is no /proc of this PID namespace (mount it)")
    state.locks = _read_locks(spelled)
    state.locked = frozenset(identity for identity, _, _ in state.locks)
    for name in names:
        if name.isdecimal():
            _look_at(state, name)
    for identity, pid, way in state.locks:
        if pid > 0:  # the lock of an open file description has no process of its own
            state.add(identity, pid, way)
    return Scan(_holders(state, own), state.unreadable, _blindness())


def _tokens(spelled: Iterable[Seen]) -> list[tuple[re.Pattern[bytes], frozenset[bytes]]]:
    """For each device what finds its inodes in maps, and the inodes looked for.

    A pattern with a fixed start is four times as quick as one for all devices or as splitting every line.
    """
    inodes: dict[bytes, set[bytes]] = {}
    for device, inode in spelled:
        inodes.setdefault(device, set()).add(inode)
    return [(re.compile(b" " + device + rb" (\d+)"), frozenset(some)) for device, some in inodes.items()]


def _blindness() -> str:
    """Why /proc does not show every process, or nothing where it does."""
    try:
        namespace = os.readlink("/proc/self/ns/pid")
    except OSError:
        namespace = ""
    if namespace != _INITIAL_PID_NAMESPACE:
        return "a process outside this PID namespace (look on the host)"
    return "a process that /proc hides (mount it without hidepid)" if hides_processes() else ""


def _look_at(state: _Pass, pid: str) -> None:
    """Look at one process; count it where it may not be read and could hold anything."""
    try:
        if not _look_in(state, f"/proc/{pid}", int(pid)):
            _look_at_threads(state, pid)
    except (FileNotFoundError, ProcessLookupError):
        return
    except OSError:
        state.unreadable += _may_hold(pid)


def _look_at_threads(state: _Pass, pid: str) -> None:
    """Look at the other threads where the first has ended: its own /proc entry shows nothing by then."""
    for task in os.listdir(f"/proc/{pid}/task"):
        if task != pid:
            _look_in(state, f"/proc/{pid}/task/{task}", int(pid))


def _look_in(state: _Pass, place: str, pid: int) -> bool:
    """Look at descriptors, mappings and the executable; False where there is no memory (zombie, kernel thread).

    Descriptors come first: a process may show them and refuse the rest.
    """
    _read_descriptors(state, place, pid)
    maps = _maps_of(place)
    if not maps:
        return False
    for token, inodes in state.tokens:
        if not inodes.isdisjoint(token.findall(maps)):
            _read_mappings(state, maps, pid)
            break
    _read_executable(state, place, pid)
    return True


def _maps_of(place: str) -> bytes:
    """The mappings as /proc tells them; empty where there is no memory, which newer kernels say with ESRCH."""
    try:
        return _read(f"{place}/maps")
    except ProcessLookupError:
        return b""


def _read(path: str) -> bytes:
    """All of a file of /proc, which comes a page at a time; three times as quick as through `open`."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        content = os.read(fd, 1 << 13)
        while part := os.read(fd, 1 << 13):
            content += part
    finally:
        os.close(fd)
    return content


def _read_descriptors(state: _Pass, place: str, pid: int) -> None:
    identities, stat_of = state.identities, os.stat
    directory = f"{place}/fd/"
    for number in os.listdir(directory):
        try:
            found = stat_of(directory + number)
        except FileNotFoundError:
            continue
        if (found.st_dev, found.st_ino) in identities:
            _read_descriptor(state, place, pid, number, (found.st_dev, found.st_ino))


def _read_descriptor(state: _Pass, place: str, pid: int, number: str, identity: Identity) -> None:
    """The mode of a descriptor, which the permissions of its link tell, and the locks that hang on it.

    fdinfo is slow, and is read only for a file that somebody has locked: it tells the locks that a process
    inherited from one that has ended.
    """
    try:
        mode = _ACCESS[os.lstat(f"{place}/fd/{number}").st_mode & (stat.S_IRUSR | stat.S_IWUSR)]
        lines = _read(f"{place}/fdinfo/{number}").splitlines() if identity in state.locked else []
    except FileNotFoundError:
        return  # closed meanwhile
    state.add(identity, pid, f"descriptor {number} ({mode})")
    for line in lines:
        if line.startswith(b"lock:"):
            state.add(identity, pid, _lock_way(line.split()[2:]))


def _read_mappings(state: _Pass, maps: bytes, pid: int) -> None:
    for line in maps.splitlines():
        words = line.split(None, 5)
        identity = state.spelled.get((words[3], words[4]))
        if identity:
            written = words[1][1:2] == b"w" and words[1][3:4] == b"s"
            state.add(identity, pid, "mapping (write)" if written else "mapping (read)")


def _read_executable(state: _Pass, place: str, pid: int) -> None:
    try:
        found = os.stat(f"{place}/exe")
    except FileNotFoundError:
        return
    if (found.st_dev, found.st_ino) in state.identities:
        state.add((found.st_dev, found.st_ino), pid, "executable")


def _read_locks(spelled: Mapping[Seen, Identity]) -> list[tuple[Identity, int, str]]:
    """The locks of these files: they name processes that may not be read, and locks kept by a mapping alone."""
    try:
        rows = [line.split() for line in _read("/proc/locks").splitlines()]
    except OSError:
        return []
    locks = []
    for row in rows:
        if len(row) >= 6 and row[1] != b"->":
            device, _, inode = row[5].rpartition(b":")
            if identity := spelled.get((device, inode)):
                locks.append((identity, int(row[4]), _lock_way(row[1:])))
    return locks


def _lock_way(words: list[bytes]) -> str:
    """`FLOCK ADVISORY WRITE …` in words."""
    kind = _LOCK_KINDS.get(words[0], os.fsdecode(words[0]))
    return f"{kind} ({'exclusive' if words[2] == b'WRITE' else 'shared'})"


def _holders(state: _Pass, own: int) -> dict[Identity, tuple[Holder, ...]]:
    """Say who each process is, once a process; one that has ended meanwhile holds nothing."""
    people = {pid: _describe(pid) for pid in {pid for _, pid in state.ways}}
    found: dict[Identity, list[Holder]] = {}
    for (identity, pid), ways in sorted(state.ways.items()):
        if (person := people[pid]) is not None:
            started, command, user = person
            found.setdefault(identity, []).append(Holder(pid, started, command, user, tuple(ways), pid == own))
    return {identity: tuple(holders) for identity, holders in found.items()}


def _describe(pid: int) -> tuple[int, str, str] | None:
    """Start time, command without secrets, and user of a process; None where it has ended."""
    try:
        fields = _stat_fields(str(pid))
        status = _read(f"/proc/{pid}/status").splitlines()
        user = int(next(line for line in status if line.startswith(b"Uid:")).split()[2])
        arguments = os.fsdecode(_read(f"/proc/{pid}/cmdline")[:_MOST_ARGUMENTS].rstrip(b"\0")).split("\0")
    except (FileNotFoundError, ProcessLookupError, StopIteration):
        return None
    command = redacted_command(arguments) or os.fsdecode(fields[0])
    return int(fields[20]), command[:_LONGEST_COMMAND], _name_of(user)


def _name_of(user: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)


def _stat_fields(pid: str) -> list[bytes]:
    """Fields of /proc/PID/stat: the name at 0, and field N of proc(5) at N - 2."""
    head, _, tail = _read(f"/proc/{pid}/stat").rpartition(b")")
    return [head.partition(b"(")[2], *tail.split()]


def _may_hold(pid: str) -> bool:
    """Whether a process that may not be read could hold a file: not if it is a kernel thread, a zombie or gone."""
    try:
        fields = _stat_fields(pid)
    except (FileNotFoundError, ProcessLookupError):
        return False
    except OSError:
        return True
    state, flags, threads = fields[1], int(fields[7]), int(fields[18])
    return not (flags & _KERNEL_THREAD or (state in {b"Z", b"X"} and threads <= 1))
