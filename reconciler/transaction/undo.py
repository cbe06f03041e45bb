"""Taking back what an unfinished run did: the same in the run that fails and in the recovery after a crash.

What is undone follows from what lies on the disk, not from what a process remembers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress

from reconciler.facts import FileFacts
from reconciler.names import printable
from reconciler.transaction.quarantine import CONFLICTS, Quarantine, put_back
from reconciler.transaction.result import EvidenceError
from reconciler.transaction.store import OpenRun, Store


class Undo:
    """The undoing of one run, and what came of it.

    `moved` are the numbers that were in quarantine, `stuck` says by number why one still is, `failures` why one
    failed at all, `left` why the undo is not complete: the next start goes on with it.
    """

    def __init__(self, store: Store, run: OpenRun, models: Mapping[int, FileFacts], now: Callable[[], float]) -> None:
        self._store, self._run, self._models, self._now = store, run, models, now
        self.moved: list[int] = []
        self.stuck: dict[str, str] = {}
        self.left = ""

    def apply(
        self, quarantine: Quarantine | None, cause: str, failures: Mapping[str, str], noted: bool = False
    ) -> None:
        """Put every model of an apply back. Nothing is raised for a disk that refuses: see `left`."""
        try:
            if quarantine is not None:
                self._put_back(quarantine, cause, failures, noted)
            self._store.remove_quarantine(self._run.run)
            self._store.end(self._run, self._now(), stuck=self.stuck)
        except OSError as error:
            self.left = self.left or _text(error)

    def _put_back(self, quarantine: Quarantine, cause: str, failures: Mapping[str, str], noted: bool) -> None:
        self.moved = [number for number in quarantine.numbers() if number in self._models]
        if not noted:
            with suppress(OSError):  # without a commit the run is undone in any case; this says why
                self._run.journal.append("undo", self._now(), cause=cause, failures=failures, moved=self.moved)
        stuck = put_back(quarantine, {number: file.name for number, file in self._models.items()})
        self.stuck = {str(number): f"cannot be put back: {_text(error)}" for number, error in stuck.items()}
        self._settle(quarantine, [number for number in self.moved if number not in stuck])
        for error in stuck.values():
            if error.errno not in CONFLICTS:
                raise error

    def _settle(self, quarantine: Quarantine, numbers: list[int]) -> None:
        self._store.tree.settle([self._models[number].name for number in numbers])
        quarantine.settle()

    def rollback(self, quarantine: Quarantine, cause: str, noted: bool = False) -> None:
        """Take what a rollback restored into quarantine again, unless it is another file by now."""
        restored = sorted(self._models.keys() - set(quarantine.numbers()))
        failures: dict[str, str] = {}
        try:
            if not noted:
                with suppress(OSError):
                    self._run.journal.append("undo", self._now(), cause=cause, failures={}, moved=[])
            self._store.tree.forget()
            for number in restored:
                try:
                    quarantine.take(number, self._models[number])
                except (EvidenceError, FileNotFoundError, NotADirectoryError) as error:
                    failures[str(number)] = f"stays restored: {error}"
            self._settle(quarantine, [number for number in restored if str(number) not in failures])
            self._store.end(self._run, self._now(), failures=failures)
        except OSError as error:
            self.left = _text(error)


def _text(error: OSError) -> str:
    return f"{printable(str(error.filename))}: {error.strerror}" if error.filename else str(error.strerror)
