"""Digests of models, relative to the open model directory: in parallel, with progress, remembered between calls.

What is remembered lies in the user's cache directory and never beside the models. A file that was changed within
the last seconds is not remembered: a change in the same tick of the clock would leave its times as they are.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress

from reconciler.facts import Digest, FileFacts
from reconciler.inventory import DIRECTORY_FLAGS
from reconciler.writing import write_whole

BLOCK = 1 << 20
"""Bytes read at a time: hashing them takes long enough that threads do not wait for each other."""
RACY = 2.0
"""Seconds; the coarsest time stamps in use are those of FAT."""
MOST_THREADS = 4
REMEMBERED = 90
"""Days that a digest is remembered after it was asked for last."""
_LARGEST_CACHE = 64 * 2**20
_KEY = re.compile(r"(?:[0-9]{1,20}:){3}-?[0-9]{1,20}:-?[0-9]{1,20}", re.ASCII)

Progress = Callable[[int, int], None]
_Key = str


class Interrupted(Exception):  # noqa: N818  # no fault of the file
    """Another thread told this one to stop."""


def digests_of(
    descriptor: int, files: Sequence[FileFacts], *, progress: Progress, cache: str | None = None
) -> dict[str, Digest]:
    """The digest of each of `files`, or the fault that kept it from being told, by name.

    `progress` is told how many bytes are done, of how many. `cache` is the file that remembers; by default the one
    of this user.
    """
    memory = Cache(cache_path() if cache is None else cache)
    hasher = _Hasher(descriptor, memory, sum(file.size for file in files), progress)
    found = hasher.run(files)
    memory.save()
    return found


def cache_path() -> str:
    """Where digests are remembered: in `$XDG_CACHE_HOME`, or `~/.cache`."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    base = base if os.path.isabs(base) else os.path.expanduser("~/.cache")
    return os.path.join(base, "ocr-reconcile", "digests.json")


class _Hasher:
    """Hashes files in threads, each with one buffer; Ctrl-C, or an error that is no file's own, stops all of them."""

    def __init__(self, descriptor: int, memory: Cache, total: int, progress: Progress) -> None:
        self._descriptor, self._memory = descriptor, memory
        self._total, self._done, self._progress = total, 0, progress
        self._lock, self._stop = threading.Lock(), threading.Event()

    def run(self, files: Sequence[FileFacts]) -> dict[str, Digest]:
        threads = max(1, min(MOST_THREADS, os.cpu_count() or 1, len(files)))
        largest_first = deque(sorted(files, key=lambda file: file.size, reverse=True))
        found: dict[str, Digest] = {}
        with ThreadPoolExecutor(threads) as pool:
            try:
                # One task a thread and not one a file, which costs more than to hash a small one.
                workers = [pool.submit(self._work, largest_first) for _ in range(threads)]
                for worker in as_completed(workers):
                    found.update(worker.result())
            except BaseException:
                self._stop.set()
                raise
        return found

    def _work(self, files: deque[FileFacts]) -> dict[str, Digest]:
        """Hash the next of `files` until there is none; its `popleft` may be called from many threads."""
        found: dict[str, Digest] = {}
        block = bytearray(BLOCK)
        while not self._stop.is_set():
            try:
                file = files.popleft()
            except IndexError:
                break
            found[file.name] = self._digest(file, block)
        return found

    def _digest(self, file: FileFacts, block: bytearray) -> Digest:
        try:
            opened = _open(self._descriptor, file.name)
        except OSError as error:
            return Digest("", f"it cannot be opened ({error.strerror})")
        try:
            return self._hash(opened, file, block)
        except OSError as error:
            return Digest("", f"it cannot be read ({error.strerror})")
        finally:
            os.close(opened)

    def _hash(self, opened: int, file: FileFacts, block: bytearray) -> Digest:
        before = os.fstat(opened)
        if not stat.S_ISREG(before.st_mode) or not _is(before, file):
            return Digest("", "it was changed since it was looked at")
        key = _key(before)
        if known := self._memory.get(key):
            self._advance(before.st_size)
            return Digest(known)
        digest = self._read(opened, block)
        if _key(os.fstat(opened)) != key:
            return Digest("", "it was changed while it was read")
        if time.time() - max(before.st_mtime, before.st_ctime) > RACY:
            self._memory.put(key, digest)
        return Digest(digest)

    def _read(self, opened: int, block: bytearray) -> str:
        content, view = hashlib.sha256(), memoryview(block)
        while count := os.readv(opened, [block]):
            content.update(view[:count])
            self._advance(count)
            if self._stop.is_set():
                raise Interrupted
        return content.hexdigest()

    def _advance(self, count: int) -> None:
        with self._lock:
            self._done += count
            self._progress(self._done, self._total)


def _open(descriptor: int, name: str) -> int:
    """Open a file for reading; no symbolic link in its name is followed, and no FIFO waited for."""
    folder, _, base = name.rpartition("/")
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    if not folder:
        return os.open(base, flags, dir_fd=descriptor)
    within = os.open(folder, DIRECTORY_FLAGS, dir_fd=descriptor)
    try:
        return os.open(base, flags, dir_fd=within)
    finally:
        os.close(within)


def _is(status: os.stat_result, file: FileFacts) -> bool:
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns) == file[1:5]


def _key(status: os.stat_result) -> _Key:
    parts = status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
    return ":".join(map(str, parts))


class Cache:
    """Digests by what identifies the content of a file. One that cannot be read or written is as good as empty.

    Forgotten is what was not asked for in `REMEMBERED` days, and what a file was before it was changed.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._today = int(time.time() // 86400)
        self._known = _load(path)
        self._seen: dict[_Key, str] = {}

    def get(self, key: _Key) -> str | None:
        """The digest known for `key`."""
        if key not in self._known:
            return None
        digest, day = self._known[key]
        if day != self._today:
            self._seen[key] = digest
        return digest

    def put(self, key: _Key, digest: str) -> None:
        """Remember a digest."""
        self._seen[key] = digest

    def save(self) -> None:
        """Write what is new or was asked for today, with what others have written meanwhile; whole or not at all."""
        if not self._seen:
            return
        merged = _load(self._path) | {key: (digest, self._today) for key, digest in self._seen.items()}
        lately = [key for key, (_, day) in merged.items() if self._today - REMEMBERED < day <= self._today]
        newest = {key.rsplit(":", 3)[0]: key for key in sorted(lately, key=_changed)}
        with suppress(OSError):
            os.makedirs(os.path.dirname(self._path), 0o700, exist_ok=True)
            write_whole(self._path, json.dumps({key: merged[key] for key in newest.values()}).encode())


def _changed(key: _Key) -> int:
    """The time of the last change that a key says."""
    return int(key.rpartition(":")[2])


def _load(path: str) -> dict[_Key, tuple[str, int]]:
    """What a cache file holds, if it is ours alone: nobody else may say what a file contains.

    Digests and the day, counted from 1970, on which each was asked for last.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as stream:
            facts = os.fstat(descriptor)
            if not stat.S_ISREG(facts.st_mode) or facts.st_uid != os.geteuid() or facts.st_mode & 0o022:
                return {}
            value = json.loads(stream.read(_LARGEST_CACHE))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(value, dict):
        return {}
    return {key: (entry[0], entry[1]) for key, entry in value.items() if _KEY.fullmatch(key) and _is_entry(entry)}


def _is_entry(value: object) -> bool:
    match value:
        case [str(digest), int()]:
            return len(digest) == 64
    return False
