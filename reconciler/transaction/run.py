"""The door to this room: a model directory, locked and recovered, in which runs can be made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from reconciler.errors import ApplyError, InterruptedRunError, ReconcileError
from reconciler.facts import STATE_DIRECTORY, DirectoryFacts
from reconciler.phases import phase
from reconciler.planning.memory import Memory
from reconciler.transaction.apply import Apply, Orders, freed_row
from reconciler.transaction.lock import Owner, RunLock
from reconciler.transaction.purge import Explain, Progress, Purge, explain_nothing, no_progress
from reconciler.transaction.recover import Recovered, end_of_purge, recover
from reconciler.transaction.result import JournalError, RunResult
from reconciler.transaction.retained import Retained, retained_in
from reconciler.transaction.rollback import Rollback
from reconciler.transaction.seen import read_memory, write_memory
from reconciler.transaction.signals import signals_deferred
from reconciler.transaction.store import OpenRun, Store
from reconciler.transaction.tree import Tree


class Transaction:
    """A model directory under the run lock.

    `recovered` is what had to be done for a run that was interrupted, `former` the owner of the lock that died
    without letting go of it.
    """

    def __init__(
        self, store: Store, now: Callable[[], float], former: Owner | None, recovered: Recovered | None
    ) -> None:
        self._store, self._now = store, now
        self.former, self.recovered = former, recovered

    @classmethod
    @contextmanager
    def open(cls, directory: DirectoryFacts, now: Callable[[], float]) -> Iterator[Transaction]:
        """Lock the directory and recover what is unfinished.

        Raises ActiveRunError if another run has the lock, JournalError and ApplyError if the state cannot be used.
        """
        with ExitStack() as opened:
            tree = Tree.open(directory)
            opened.callback(tree.close)
            store = Store.create(tree)
            opened.callback(store.close)
            lock = RunLock.take(store.lock, tree.where, now())
            opened.callback(lock.release)
            with signals_deferred() as signals:
                recovered = recover(store, now, signals)
            try:
                yield cls(store, now, lock.former, recovered)
            except ReconcileError as error:
                if recovered:
                    error.add_note(str(recovered))
                raise

    def retained(self) -> list[Retained]:
        """The runs with files in quarantine, oldest first. Raises JournalError."""
        try:
            return retained_in(self._store)
        except OSError as error:
            where = self._store.tree.where
            raise JournalError(
                f"{where}: the quarantine cannot be read ({error.strerror}); nothing was touched"
            ) from error

    def memory(self) -> Memory:
        """What earlier runs remembered. Raises ApplyError where it cannot be read: then nothing is known of it."""
        memory = read_memory(self._store.tree.root)
        if memory.fault:
            where = f"{self._store.tree.path}/{STATE_DIRECTORY}/lock/seen"
            remedy = "mend that; remove the file only if it is damaged: protection that outlives its rule"
            raise ApplyError(f"{where}: {memory.fault}; nothing was touched: {remedy} and times of grace go with it")
        return memory

    def remember(self, memory: Memory) -> None:
        """Replace what is remembered. Raises ApplyError; then the old memory is still there."""
        try:
            write_memory(self._store.lock, memory)
        except OSError as error:
            where = f"{self._store.tree.path}/{STATE_DIRECTORY}/lock/seen"
            raise ApplyError(f"{where}: cannot be written ({error.strerror}); apply again to record it") from error

    @phase("transaction")
    def apply(self, orders: Orders) -> RunResult:
        """Remove models, all or (unless told to keep going) none.

        Raises HeldError as `check` raised it, InterruptedRunError, TransactionError with the fate of each model,
        ApplyError if it did not even begin.
        """
        with signals_deferred() as signals:
            return Apply(self._store, orders, self._now, signals).run()

    def rollback(self, run: str | None = None, header: Mapping[str, Any] | None = None) -> RunResult:
        """Restore what a run removed; without an id, of the newest run that has anything in quarantine.

        Raises ApplyError and InterruptedRunError; then everything is as it was.
        """
        kept = self.retained()
        chosen = kept[-1:] if run is None else [one for one in kept if one.run == run]
        if not chosen:
            which = "no run has" if run is None else f"run {run} has not"
            raise ApplyError(f"{self._store.tree.where}: {which} anything in quarantine; nothing was touched")
        with signals_deferred() as signals:
            return Rollback(self._store, chosen[-1], self._now, signals).run(header or {})

    def purge(
        self,
        runs: Sequence[Retained],
        header: Mapping[str, Any] | None = None,
        progress: Progress = no_progress,
        explain: Explain = explain_nothing,
    ) -> RunResult | None:
        """Remove for good what `runs` have in quarantine (see `due`); None if that is nothing.

        Raises ApplyError and InterruptedRunError; then it goes on at the next start.
        """
        if not runs:
            return None
        where = self._store.tree.where
        with signals_deferred() as signals:
            try:
                begun = self._begin_purge(runs, header or {})
            except OSError as error:
                raise ApplyError(
                    f"{where}: the purge cannot be begun ({error.strerror}); nothing was touched"
                ) from error
            try:
                return self._purge(begun, runs, Purge(self._store, signals, progress, explain))
            except OSError as error:
                raise ApplyError(f"{where}: {error.strerror}; the purge goes on at the next start") from error
            except InterruptedRunError as error:
                raise InterruptedRunError(f"{where}: {error}; the purge goes on at the next start") from error
            finally:
                begun.close()

    def _begin_purge(self, runs: Sequence[Retained], header: Mapping[str, Any]) -> OpenRun:
        record = {"header": dict(header), "models": [], "digests": {}, "targets": [kept.run for kept in runs]}
        return self._store.begin("purge", self._now(), quarantine=False, **record)

    def _purge(self, begun: OpenRun, runs: Sequence[Retained], purge: Purge) -> RunResult:
        self._store.set_head(begun.run, begun.journal.digest)
        freed, left = purge.quarantines({kept.run: kept.log.models for kept in runs})
        self._store.end(begun, self._now(), freed=freed_row(freed), **end_of_purge("purge", left))
        return RunResult(begun.run, "purge", (), freed)
