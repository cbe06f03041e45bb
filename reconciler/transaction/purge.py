"""Removing quarantined files for good, and measuring what that freed."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from reconciler.facts import FileFacts
from reconciler.names import printable
from reconciler.transaction.quarantine import Quarantine
from reconciler.transaction.result import EvidenceError, Freed
from reconciler.transaction.signals import Signals
from reconciler.transaction.store import Store

Progress = Callable[[str, int, int], None]
"""Called with `move` and files, or `purge` and bytes: done so far, and in all."""
Explain = Callable[[Sequence[FileFacts]], Sequence[str]]
"""Says who still keeps files that were removed, in words; it may match them by device and inode only."""

_FEW = 64
_THREADS = 8
_FEWEST_FILES, _MOST_FILES, _MOST_BYTES = 4, 512, 1 << 30
"""What is removed between two looks at the signals, and two reports of progress."""
_NOISE = 64 << 20


@dataclass(frozen=True, slots=True)
class Removed:
    """One file that was unlinked: as the journal knows it, and what it was in its last moment."""

    file: FileFacts
    identity: tuple[int, int]
    allocated: int
    links: int

    @property
    def now(self) -> FileFacts:
        """The file under the device and inode that it had in its last moment: a mount anew may change both."""
        device, inode = self.identity
        return self.file._replace(device=device, inode=inode)


class Purge:
    """The purge of the quarantines of some runs; the same for one at once, one that is due, one interrupted."""

    def __init__(self, store: Store, signals: Signals, progress: Progress, explain: Explain) -> None:
        self._store, self._signals, self._progress, self._explain = store, signals, progress, explain
        self._removed: list[Removed] = []
        self._done = 0

    def quarantines(self, runs: Mapping[str, Mapping[int, FileFacts]]) -> tuple[Freed, dict[str, dict[str, str]]]:
        """Purge what lies in the quarantines of `runs`, which are given with their models by number.

        Returns what was freed, and by run and number what was left, and why. Raises OSError, InterruptedRunError:
        then it goes on at the next start.
        """
        total = sum(file.allocated for models in runs.values() for file in models.values())
        before = self._free()
        left = {run: self._run(run, models, total) for run, models in runs.items()}
        measured = self._free() - before
        for run in runs:
            self._store.remove_quarantine(run)
        return self._freed(measured), {run: causes for run, causes in left.items() if causes}

    def _free(self) -> int:
        facts = os.fstatvfs(self._store.runs)
        return facts.f_bfree * facts.f_frsize

    def _run(self, run: str, models: Mapping[int, FileFacts], total: int) -> dict[str, str]:
        quarantine = self._store.quarantine(run)
        if quarantine is None:
            return {}
        try:
            numbers = [number for number in quarantine.numbers() if number in models]
            failures = self._files(quarantine, numbers, models, total)
            quarantine.settle()
        finally:
            quarantine.close()
        return failures

    def _files(
        self, quarantine: Quarantine, numbers: Sequence[int], models: Mapping[int, FileFacts], total: int
    ) -> dict[str, str]:
        """Unlink in some threads: freeing the blocks takes longest, mostly waits, and locks no directory."""
        failures: dict[str, str] = {}
        size = _step(len(numbers), total)
        with _mapping(len(numbers)) as each:
            for start in range(0, len(numbers), size):
                self._signals.check()
                part = numbers[start : start + size]
                shares = [part[first::_THREADS] for first in range(_THREADS)]
                for removed, causes in each(lambda share: _remove(quarantine, share, models), shares):
                    self._removed += removed
                    self._done += sum(one.allocated for one in removed)
                    failures.update(causes)
                self._progress("purge", self._done, total)
        return failures

    def _freed(self, measured: int) -> Freed:
        names = Counter(removed.identity for removed in self._removed)
        files: dict[tuple[int, int], Removed] = {}
        for removed in self._removed:
            files.setdefault(removed.identity, removed)  # the first of several names was removed with all links left
        expected = sum(removed.allocated for removed in files.values())
        linked = [removed for identity, removed in files.items() if removed.links > names[identity]]
        return Freed(len(self._removed), expected, measured, self._reasons(linked, expected, measured))

    def _reasons(self, linked: Sequence[Removed], expected: int, measured: int) -> tuple[str, ...]:
        reasons = []
        kept = sum(removed.allocated for removed in linked)
        if linked:
            reasons.append(
                f"{printable(linked[0].file.name)}: other hard links keep it, {kept} bytes in {len(linked)} such files"
            )
        missing = expected - kept - measured
        if missing > min(expected // 100, _NOISE):
            others = self._explain([removed.now for removed in self._removed])
            unknown = "a process that keeps a removed file open or mapped, a snapshot, or what others wrote meanwhile"
            reasons += others or [f"{missing} bytes did not come free: {unknown}"]
        return tuple(reasons)


def _step(files: int, total: int) -> int:
    """How many of the files, which have `total` bytes, are removed in one go."""
    if files <= _FEW:
        return 1
    return max(_FEWEST_FILES, min(_MOST_FILES, _MOST_BYTES * files // max(1, total)))


@contextmanager
def _mapping(files: int) -> Iterator[Callable[..., Iterable[Any]]]:
    """`map`, in some threads if there are many files."""
    if files <= _FEW:
        yield map
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(_THREADS) as pool:
        yield pool.map


def _remove(
    quarantine: Quarantine, numbers: Iterable[int], models: Mapping[int, FileFacts]
) -> tuple[list[Removed], dict[str, str]]:
    removed: list[Removed] = []
    failures: dict[str, str] = {}
    for number in numbers:
        file = models[number]
        try:
            found = quarantine.verify(number, file)
        except EvidenceError as error:
            failures[str(number)] = str(error)
            continue
        quarantine.discard(number)
        removed.append(Removed(file, (found.st_dev, found.st_ino), found.st_blocks * 512, found.st_nlink))
    return removed, failures


def explain_nothing(_files: Sequence[FileFacts]) -> Sequence[str]:
    """For callers that cannot ask who holds a file."""
    return ()


def no_progress(_what: str, _done: int, _total: int) -> None:
    """For callers that do not show progress."""
