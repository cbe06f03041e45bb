"""Finishing or undoing the run that a crash left unfinished, by its journal and what lies on the disk.

Every start recovers before it begins a run of its own, so only the newest run can be unfinished.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from reconciler.errors import ApplyError
from reconciler.facts import DirectoryFacts, FileFacts
from reconciler.names import printable
from reconciler.transaction.apply import freed_row
from reconciler.transaction.lock import Owner, read_owner
from reconciler.transaction.log import RunLog
from reconciler.transaction.purge import Purge, explain_nothing, no_progress
from reconciler.transaction.quarantine import CONFLICTS, put_back
from reconciler.transaction.result import JournalError
from reconciler.transaction.signals import Signals
from reconciler.transaction.store import OpenRun, Store
from reconciler.transaction.tree import Tree
from reconciler.transaction.undo import Undo

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a recovery did with an unfinished run: `undone`, `finished`, or `discarded` (it had not begun).

    `problems` names each model that could not be put back or is in neither place, in words.
    """

    run: str
    kind: str
    how: str
    problems: tuple[str, ...] = ()

    def __str__(self) -> str:
        """In words, for the message of a command that failed after it."""
        return "\n".join((f"before that, run {self.run}, which was interrupted, was {self.how}", *self.problems))


@dataclass(frozen=True, slots=True)
class Pending:
    """An unfinished run, for the warnings of a plan. `owner` is who has or had the lock; `how` is what comes of it."""

    run: str
    kind: str
    how: str
    owner: Owner | None

    @property
    def active(self) -> bool:
        """Whether its process may still be at it."""
        return self.owner is not None and not self.owner.dead


def pending(directory: DirectoryFacts) -> Pending | None:
    """The unfinished run of a directory, if there is one; only reads. Raises JournalError, ApplyError."""
    return _read(directory, _pending)


def lock_owner(directory: DirectoryFacts) -> Owner | None:
    """Who has the run lock, or died with it; only reads, and takes no lock. Raises JournalError, ApplyError."""
    return _read(directory, _owner)


def _read(directory: DirectoryFacts, read: Callable[[Store], _T | None]) -> _T | None:
    tree = Tree.open(directory)
    try:
        store = Store.find(tree)
        if store is None:
            return None
        try:
            return read(store)
        except OSError as error:
            raise JournalError(f"{tree.where}: the state of runs cannot be read ({error.strerror})") from error
        finally:
            store.close()
    finally:
        tree.close()


def _pending(store: Store) -> Pending | None:
    runs = store.ids()
    log = store.read(runs[-1]) if runs else None
    if not runs or (log is not None and log.end is not None):
        return None
    return Pending(runs[-1], log.kind if log else "unknown", _how(log), _owner(store))


def _owner(store: Store) -> Owner | None:
    try:
        descriptor = os.open("lock", os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=store.lock)
    except FileNotFoundError:
        return None
    try:
        return read_owner(descriptor)
    finally:
        os.close(descriptor)


def _how(log: RunLog | None) -> str:
    if log is None:
        return "discarded"
    return "undone" if log.undo is not None or (log.kind == "apply" and log.commit is None) else "finished"


def recover(store: Store, now: Callable[[], float], signals: Signals) -> Recovered | None:
    """Recover under the lock; None if there is nothing to do. A second recovery changes nothing.

    Raises JournalError if the journal cannot be trusted, ApplyError if the disk refuses: then nothing may begin.
    """
    runs = store.ids()
    where = f"{store.tree.where}: run {runs[-1]}" if runs else store.tree.where
    try:
        store.follow_head()
        if not runs:
            return None
        run = runs[-1]
        log = store.read(run)
        if log is None:
            recovered = _discard(store, run)
            recover(store, now, signals)
            return recovered
        store.mend_head(run, log.chain[0], log.digest)
        return _recover(store, log, now, signals) if log.end is None else None
    except OSError as error:
        raise ApplyError(
            f"{where}: cannot be recovered ({error.strerror}); mend that and start again, nothing is lost"
        ) from error


def _discard(store: Store, run: str) -> Recovered:
    quarantine = store.quarantine(run)
    if quarantine is not None:
        try:
            occupied = bool(quarantine.numbers())
        finally:
            quarantine.close()
        if occupied:
            raise JournalError(
                f"{run}: has files in quarantine, but no journal; nothing is done before a person looked"
            )
    store.discard(run)
    return Recovered(run, "unknown", "discarded")


def _recover(store: Store, log: RunLog, now: Callable[[], float], signals: Signals) -> Recovered:
    run = store.reopen(log.run)
    try:
        if log.kind == "apply" and _how(log) == "undone":
            problems = _undo_apply(store, run, log, now)
        elif log.kind == "rollback" and log.undo is not None:
            problems = _undo_rollback(store, run, log, now)
        elif log.kind == "rollback":
            problems = _finish_rollback(store, run, log, now)
        else:
            problems = _finish_purge(store, run, log, now, signals)
    finally:
        run.close()
    return Recovered(log.run, log.kind, _how(log), problems)


def _undo_apply(store: Store, run: OpenRun, log: RunLog, now: Callable[[], float]) -> tuple[str, ...]:
    quarantine = store.quarantine(log.run)
    undo = Undo(store, run, log.models, now)
    try:
        undo.apply(quarantine, "the run was interrupted", {}, noted=log.undo is not None)
    finally:
        if quarantine is not None:
            quarantine.close()
    _refuse_incomplete(store, log, undo)
    stuck = [f"{printable(log.models[int(number)].name)}: {why}" for number, why in undo.stuck.items()]
    moved = set(undo.moved)
    missing = [
        file.name for number, file in log.models.items() if number not in moved and not _is_there(store, file.name)
    ]
    return (*stuck, *(f"{printable(name)}: is neither in its place nor in quarantine" for name in missing))


def _is_there(store: Store, model: str) -> bool:
    try:
        parent, base = store.tree.parent(model)
        os.stat(base, dir_fd=parent, follow_symlinks=False)
    except OSError:
        return False
    return True


def _refuse_incomplete(store: Store, log: RunLog, undo: Undo) -> None:
    if undo.left:
        where = f"{store.tree.where}: run {log.run} cannot be undone"
        raise ApplyError(f"{where} ({undo.left}); mend that and start again, nothing is lost")


def _undo_rollback(store: Store, run: OpenRun, log: RunLog, now: Callable[[], float]) -> tuple[str, ...]:
    quarantine = store.quarantine_of(log.target)
    undo = Undo(store, run, log.models, now)
    try:
        undo.rollback(quarantine, "", noted=True)
    finally:
        quarantine.close()
    _refuse_incomplete(store, log, undo)
    return ()


def _finish_rollback(store: Store, run: OpenRun, log: RunLog, now: Callable[[], float]) -> tuple[str, ...]:
    quarantine = store.quarantine(log.target)
    stuck: Mapping[int, OSError] = {}
    if quarantine is not None:
        try:
            stuck = put_back(quarantine, _names(log.models))
            store.tree.settle([file.name for number, file in log.models.items() if number not in stuck])
            quarantine.settle()
        finally:
            quarantine.close()
    for error in stuck.values():
        if error.errno not in CONFLICTS:
            raise error
    store.remove_quarantine(log.target)
    causes = {str(number): f"cannot be put back: {error.strerror}" for number, error in stuck.items()}
    store.end(run, now(), stuck=causes)
    return tuple(f"{printable(log.models[number].name)}: {causes[str(number)]}" for number in stuck)


def _names(models: Mapping[int, FileFacts]) -> dict[int, str]:
    return {number: file.name for number, file in models.items()}


def _finish_purge(
    store: Store, run: OpenRun, log: RunLog, now: Callable[[], float], signals: Signals
) -> tuple[str, ...]:
    """Go on with a purge: of a committed run whose models are not kept, or of those that a purge run names."""
    if log.kind == "apply" and log.commit is not None and log.commit["retain"] > 0:
        store.end(run, now())
        return ()
    targets = [log.run] if log.kind == "apply" else list(log.targets)
    logs = {target: found for target in targets if (found := store.read(target)) is not None}
    purge = Purge(store, signals, no_progress, explain_nothing)
    freed, left = purge.quarantines({target: found.models for target, found in logs.items()})
    store.end(run, now(), freed=freed_row(freed), **end_of_purge(log.kind, left))
    return tuple(cause for causes in left.values() for cause in causes.values())


def end_of_purge(kind: str, left: Mapping[str, Mapping[str, str]]) -> dict[str, object]:
    """How what a purge left behind stands in its `end` record: an apply has one quarantine, its own."""
    if kind == "apply":
        return {"stuck": next(iter(left.values()), {})}
    return {"left": left}
