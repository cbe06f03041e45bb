"""What lies in quarantine, and what of it may go."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from reconciler.facts import DirectoryFacts
from reconciler.transaction.log import RunLog
from reconciler.transaction.result import JournalError
from reconciler.transaction.store import Store
from reconciler.transaction.tree import Tree


@dataclass(frozen=True, slots=True)
class Retained:
    """A run with files in quarantine. `numbers` are theirs, `allocated` their bytes as they were planned.

    `committed` and `until` (seconds) are None for a run that was undone and could not put these files back: they
    are never due.
    """

    log: RunLog
    numbers: tuple[int, ...]

    @property
    def run(self) -> str:
        """The id of the run."""
        return self.log.run

    @property
    def committed(self) -> float | None:
        """When the run was committed."""
        return None if self.log.undo is not None else self.log.committed

    @property
    def until(self) -> float | None:
        """When the files may be purged."""
        return None if self.committed is None else self.log.until

    @property
    def allocated(self) -> int:
        """The bytes that a purge is expected to free."""
        return sum(self.log.models[number].allocated for number in self.numbers)


def retained(directory: DirectoryFacts) -> list[Retained]:
    """Every run with files in quarantine, oldest first; only reads. Raises JournalError, ApplyError."""
    tree = Tree.open(directory)
    try:
        store = Store.find(tree)
        if store is None:
            return []
        try:
            return retained_in(store)
        except OSError as error:
            raise JournalError(f"{tree.where}: the quarantine cannot be read ({error.strerror})") from error
        finally:
            store.close()
    finally:
        tree.close()


def retained_in(store: Store) -> list[Retained]:
    """The same for an open store. Raises JournalError, OSError."""
    found = []
    for run in store.ids():
        quarantine = store.quarantine(run)
        if quarantine is None:
            continue
        try:
            there = quarantine.numbers()
        finally:
            quarantine.close()
        log = store.read(run) if there else None
        numbers = tuple(number for number in there if log is not None and number in log.models)
        if log is not None and numbers:
            found.append(Retained(log, numbers))
    return found


def due(
    kept: Iterable[Retained], now: float, older_than: float | None = None, everything: bool = False
) -> list[Retained]:
    """Those that may be purged: their time is over, or they are older than `older_than` seconds, or `everything`."""

    def may_go(run: Retained) -> bool:
        if run.committed is None or run.until is None:
            return False
        return everything or now >= (run.until if older_than is None else run.committed + older_than)

    return [run for run in kept if may_go(run)]


def to_make_room(kept: Iterable[Retained], now: float, free: int, wanted: int) -> list[Retained]:
    """The runs to purge: those due, and then the oldest, until `wanted` bytes are expected to be free."""
    kept = list(kept)
    chosen = due(kept, now)
    free += sum(run.allocated for run in chosen)
    for run in due(kept, now, everything=True):
        if free >= wanted:
            break
        if run not in chosen:
            chosen.append(run)
            free += run.allocated
    return chosen
