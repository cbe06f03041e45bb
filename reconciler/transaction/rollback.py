"""A rollback: what a run removed goes back to its place, all of it or nothing, never over another file."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from reconciler.errors import ApplyError, InterruptedRunError
from reconciler.facts import FileFacts
from reconciler.names import printable
from reconciler.transaction.log import fates_of
from reconciler.transaction.quarantine import Quarantine
from reconciler.transaction.result import EvidenceError, Fate, RunResult, TransactionError
from reconciler.transaction.retained import Retained
from reconciler.transaction.signals import Signals
from reconciler.transaction.store import OpenRun, Store
from reconciler.transaction.undo import Undo


class Rollback:
    """The rollback of one run."""

    def __init__(self, store: Store, kept: Retained, now: Callable[[], float], signals: Signals) -> None:
        self._store, self._kept, self._now, self._signals = store, kept, now, signals

    def run(self, header: Mapping[str, Any]) -> RunResult:
        """Restore. Raises ApplyError (nothing was touched, or all was undone) and InterruptedRunError (likewise)."""
        kept = self._kept
        try:
            quarantine = self._store.quarantine_of(kept.run)
            try:
                models = self._verified(quarantine)
                return self._begun(quarantine, models, header)
            finally:
                quarantine.close()
        except OSError as error:
            where = self._store.tree.where
            raise ApplyError(
                f"{where}: run {kept.run} cannot be rolled back ({error.strerror}); nothing was touched"
            ) from error

    def _verified(self, quarantine: Quarantine) -> dict[int, FileFacts]:
        """The models as they lie in quarantine now, every one with its content intact and its place free."""
        log, problems, models = self._kept.log, [], {}
        for number in self._kept.numbers:
            self._signals.check()
            file = log.models[number]
            try:
                found = quarantine.verify(number, file, log.digests.get(file.name, ""))
                problems += self._in_the_way(file.name)
            except EvidenceError as error:
                problems.append(str(error))
            else:
                models[number] = FileFacts(
                    file.name,
                    found.st_dev,
                    found.st_ino,
                    found.st_size,
                    found.st_mtime_ns,
                    found.st_nlink,
                    found.st_blocks * 512,
                )
        if problems:
            message = f"{self._store.tree.where}: run {log.run} cannot be rolled back, nothing was touched:"
            raise ApplyError("\n  - ".join((message, *problems)))
        return models

    def _in_the_way(self, model: str) -> list[str]:
        try:
            parent, base = self._store.tree.parent(model)
        except OSError as error:
            return [f"{printable(model)}: its directory cannot be entered ({error.strerror}); make it again"]
        try:
            os.stat(base, dir_fd=parent, follow_symlinks=False)
        except FileNotFoundError:
            return []
        return [f"{printable(model)}: there is something in its place; move that away first"]

    def _begun(self, quarantine: Quarantine, models: dict[int, FileFacts], header: Mapping[str, Any]) -> RunResult:
        record = {
            "header": dict(header),
            "target": self._kept.run,
            "numbers": list(models),
            "models": list(models.values()),
            "digests": {},
        }
        run = self._store.begin("rollback", self._now(), quarantine=False, **record)
        try:
            try:
                self._store.set_head(run.run, run.journal.digest)
                self._restore(quarantine, models)
            except BaseException as error:  # noqa: BLE001  whatever it is, the models go back first
                self._fail(run, quarantine, models, error)
            self._end(run, models)
        finally:
            run.close()
        return RunResult(run.run, "rollback", fates_of(models, {}, {}, models, Fate.RESTORED))

    def _restore(self, quarantine: Quarantine, models: Mapping[int, FileFacts]) -> None:
        for number, file in models.items():
            self._signals.check()
            quarantine.give(number, file.name)
        self._store.tree.settle([file.name for file in models.values()])
        quarantine.settle()

    def _end(self, run: OpenRun, models: Mapping[int, FileFacts]) -> None:
        try:
            self._store.remove_quarantine(self._kept.run)
            self._store.end(run, self._now())
        except OSError as error:
            result = RunResult(run.run, "rollback", fates_of(models, {}, {}, models, Fate.RESTORED))
            message = f"{self._store.tree.where}: every model is restored, but the journal cannot be ended"
            raise TransactionError(f"{message} ({error.strerror}); the next start does it", result) from error

    def _fail(
        self, run: OpenRun, quarantine: Quarantine, models: Mapping[int, FileFacts], error: BaseException
    ) -> NoReturn:
        undo = Undo(self._store, run, models, self._now)
        undo.rollback(quarantine, str(error))
        where, cause = self._store.tree.where, str(error) or type(error).__name__
        state = (
            f"the next start finishes it ({undo.left})"
            if undo.left
            else f"run {self._kept.run} is in quarantine as before"
        )
        if isinstance(error, InterruptedRunError | KeyboardInterrupt):
            raise InterruptedRunError(f"{where}: {cause}; {state}") from error
        if isinstance(error, OSError | ApplyError):
            result = RunResult(run.run, "rollback", fates_of(models, {}, {}, models, Fate.QUARANTINED))
            raise TransactionError(f"{where}: {cause}; {state}", result) from error
        raise error
