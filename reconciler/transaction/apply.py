"""An apply: every doomed model into quarantine, verified, committed; or everything back where it was."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from reconciler.errors import ApplyError, HeldError, InterruptedRunError, ReconcileError
from reconciler.facts import FileFacts
from reconciler.names import printable
from reconciler.transaction.log import fates_of
from reconciler.transaction.purge import Explain, Progress, Purge, explain_nothing, no_progress
from reconciler.transaction.quarantine import Quarantine
from reconciler.transaction.result import EvidenceError, Fate, Freed, RunResult, TransactionError
from reconciler.transaction.signals import Signals
from reconciler.transaction.store import OpenRun, Store
from reconciler.transaction.tree import refuse_name
from reconciler.transaction.undo import Undo

Check = Callable[[FileFacts], None]
Verify = Callable[[Sequence[FileFacts]], Sequence[str]]
_STEP = 256


def free_for_all(_file: FileFacts) -> None:
    """The check of callers that have no probe."""


@dataclass(frozen=True, slots=True)
class Orders:
    """What an apply is to do.

    `check` is called right before each model is moved and raises HeldError if it is held. `verify` gets the models
    that were moved and returns what is wrong with the world, in words. `retain` is in seconds, 0 purges at once.
    `digests` are those known, by name. With `keep_going` a model that fails stays, and the others go.
    """

    doomed: Sequence[FileFacts]
    verify: Verify
    check: Check = free_for_all
    header: Mapping[str, Any] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)
    retain: float = 0.0
    keep_going: bool = False
    progress: Progress = no_progress
    explain: Explain = explain_nothing

    def refuse_names(self) -> None:
        """Raise ApplyError for names that cannot be those of distinct models."""
        for file in self.doomed:
            refuse_name(file.name)
        if len({file.name for file in self.doomed}) != len(self.doomed):
            raise ApplyError("the plan names a model twice; nothing was touched")


class Apply:
    """One apply, begun and durable. `carry_out` does it, or undoes it and raises."""

    def __init__(self, store: Store, orders: Orders, now: Callable[[], float], signals: Signals) -> None:
        self._store, self._orders, self._now, self._signals = store, orders, now, signals
        self._models = dict(enumerate(orders.doomed))
        self._failures: dict[str, str] = {}

    def run(self) -> RunResult:
        """Begin and carry out. Raises HeldError, InterruptedRunError, ApplyError (TransactionError once begun)."""
        self._orders.refuse_names()
        try:
            run = self._store.begin("apply", self._now(), quarantine=True, **self._record())
        except OSError as error:
            where = self._store.tree.where
            raise ApplyError(f"{where}: the run cannot be begun ({error.strerror}); nothing was touched") from error
        try:
            return self._carry_out(run)
        finally:
            run.close()

    def _record(self) -> dict[str, Any]:
        names = {file.name for file in self._orders.doomed}
        return {
            "header": dict(self._orders.header),
            "models": self._orders.doomed,
            "digests": {name: digest for name, digest in self._orders.digests.items() if name in names},
        }

    def _carry_out(self, run: OpenRun) -> RunResult:
        quarantine: Quarantine | None = None
        try:
            self._store.set_head(run.run, run.journal.digest)
            quarantine = self._store.quarantine_of(run.run)
            self._move(quarantine)
            self._commit(run, quarantine)
        except BaseException as error:  # noqa: BLE001  whatever it is, the models go back first
            self._fail(run, quarantine, error)
        finally:
            if quarantine is not None:
                quarantine.close()
        return self._finish(run)

    def _move(self, quarantine: Quarantine) -> None:
        orders, check, take = self._orders, self._orders.check, quarantine.take
        for number, file in self._models.items():
            if not number % _STEP:
                orders.progress("move", number, len(self._models))
            self._signals.check()
            try:
                check(file)
                take(number, file)
            except (OSError, HeldError, EvidenceError) as error:
                self._failures[str(number)] = _cause(error)
                if not orders.keep_going:
                    raise
        orders.progress("move", len(self._models), len(self._models))

    def _moved(self) -> list[FileFacts]:
        return [file for number, file in self._models.items() if str(number) not in self._failures]

    def _commit(self, run: OpenRun, quarantine: Quarantine) -> None:
        """Verify, make the renames durable, and only then the commit. The new names first: none may be lost."""
        moved = self._moved()
        with self._signals.raising():
            problems = self._orders.verify(moved)
        if problems:
            raise ApplyError("the verification failed: " + "; ".join(problems))
        tree = self._store.tree
        if not tree.still_here():
            raise ApplyError("the model directory was replaced meanwhile")
        quarantine.settle()
        tree.settle([file.name for file in moved])
        run.journal.append("commit", self._now(), retain=self._orders.retain, failures=self._failures)

    def _fail(self, run: OpenRun, quarantine: Quarantine | None, error: BaseException) -> NoReturn:
        where = self._store.tree.where
        if run.journal.doubtful:
            result = self._result(run, self._models, {}, Fate.QUARANTINED)
            message = f"{where}: whether the run was committed cannot be told ({_cause(error)}); the models are in "
            raise TransactionError(message + "quarantine, and the next start finishes or undoes it", result) from error
        undo = Undo(self._store, run, self._models, self._now)
        undo.apply(quarantine, _cause(error), self._failures)
        self._raise(run, undo, error)

    def _raise(self, run: OpenRun, undo: Undo, error: BaseException) -> NoReturn:
        where = self._store.tree.where
        result = self._result(run, undo.moved, undo.stuck, Fate.RESTORED)
        if undo.stuck or undo.left:
            raise TransactionError(f"{where}: {_cause(error)}; {_incomplete(undo, run.run)}", result) from error
        if isinstance(error, HeldError):
            message = f"{where}: {error}\nevery model was put back; stop what holds it, or wait longer (--wait)"
            raise HeldError(f"{message}, and apply again", error.answers) from error
        if isinstance(error, InterruptedRunError | KeyboardInterrupt):
            raise InterruptedRunError(f"{where}: {_cause(error)}; every model was put back") from error
        if isinstance(error, OSError | ReconcileError):
            message = f"{where}: {_cause(error)}; every model was put back, apply again when that is mended"
            raise TransactionError(message, result) from error
        raise error

    def _result(
        self, run: OpenRun, moved: Sequence[int] | Mapping[int, FileFacts], stuck: Mapping[str, str], fate: Fate
    ) -> RunResult:
        return RunResult(run.run, "apply", fates_of(self._models, self._failures, stuck, moved, fate))

    def _finish(self, run: OpenRun) -> RunResult:
        """After the commit: purge now, or say until when the models are kept. What fails here goes on later."""
        try:
            if self._orders.retain > 0:
                self._store.end(run, self._now())
                result = self._result(run, self._models, {}, Fate.QUARANTINED)
                done = RunResult(run.run, "apply", result.models, until=self._now() + self._orders.retain)
            else:
                done = self._purge(run)
            self._signals.check()
        except (OSError, InterruptedRunError, KeyboardInterrupt) as error:
            raise self._unfinished(run, error) from error
        return done

    def _purge(self, run: OpenRun) -> RunResult:
        purge = Purge(self._store, self._signals, self._orders.progress, self._orders.explain)
        freed, left = purge.quarantines({run.run: self._models})
        stuck = left.get(run.run, {})
        self._store.end(run, self._now(), freed=freed_row(freed), stuck=stuck)
        result = self._result(run, self._models, stuck, Fate.PURGED)
        return RunResult(run.run, "apply", result.models, freed)

    def _unfinished(self, run: OpenRun, error: BaseException) -> ApplyError | InterruptedRunError:
        left = "its record is ended" if self._orders.retain > 0 else "what is left of its purge goes on"
        message = f"{self._store.tree.where}: {_cause(error)}; run {run.run} is committed, and {left} at the next start"
        if isinstance(error, OSError):
            return TransactionError(message, self._result(run, self._models, {}, Fate.QUARANTINED))
        return InterruptedRunError(message)


def freed_row(freed: Freed) -> list[Any]:
    """A purge as it stands in an `end` record."""
    return [freed.files, freed.expected, freed.measured, list(freed.reasons)]


def _cause(error: BaseException) -> str:
    if isinstance(error, OSError):
        where = printable(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes) else ""
        return f"{where}: {error.strerror}" if where else str(error.strerror or error)
    return str(error) or type(error).__name__


def _incomplete(undo: Undo, run: str) -> str:
    if undo.left:
        return f"putting the models back is not complete ({undo.left}): the next start goes on with it"
    stuck = "; ".join(list(undo.stuck.values())[:3])
    return f"{len(undo.stuck)} models are still in quarantine ({stuck}): make room, then `ocr-reconcile rollback {run}`"
