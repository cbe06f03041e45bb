"""Past runs, read from their journals. Nothing is written here, whoever asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from reconciler.errors import UsageError
from reconciler.facts import DirectoryFacts, FileFacts
from reconciler.names import printable
from reconciler.transaction.log import RunLog
from reconciler.transaction.result import Fate, Freed, JournalError, ModelFate
from reconciler.transaction.store import Store
from reconciler.transaction.tree import Tree

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One past run.

    `kind` is `apply`, `rollback` or `purge`. `state` is `unfinished`, `undone`, `quarantined`, `purged`, `restored`
    or, where models differ, `mixed`. Times are in seconds of the clock that the run was given; `until` is when a
    quarantine may be purged. `models` have their fate of today, with what later runs did; `target` is the run that
    a rollback restored, `targets` are those that a purge emptied. `header` is what the caller noted at the beginning.
    """

    run: str
    kind: str
    state: str
    began: float
    ended: float | None
    until: float | None
    header: Mapping[str, Any]
    target: str
    targets: tuple[str, ...]
    models: tuple[ModelFate, ...]
    files: tuple[FileFacts, ...]
    digests: Mapping[str, str]
    freed: Freed
    cause: str
    digest: str


def runs(directory: DirectoryFacts) -> list[RunRecord]:
    """All runs, newest last; empty if there is no state. Raises JournalError if it cannot be read or trusted."""
    return _with_store(directory, _records, [])


def run(directory: DirectoryFacts, run_id: str) -> RunRecord:
    """One run, by its id or an unambiguous beginning of it. Raises UsageError, JournalError."""
    found = [record for record in runs(directory) if record.run.startswith(run_id)]
    exact = [record for record in found if record.run == run_id] or found
    if len(exact) != 1:
        what = "is the beginning of several runs" if exact else "is no run"
        raise UsageError(f"{printable(run_id)}: {what} of {printable(directory.path)}; see `ocr-reconcile history`")
    return exact[0]


def verify(directory: DirectoryFacts) -> list[str]:
    """What is wrong with the chain of runs, in words: edited, torn or missing ones. Raises JournalError, ApplyError."""
    return _with_store(directory, _faults, [])


def _with_store(directory: DirectoryFacts, read: Callable[[Store], _T], nothing: _T) -> _T:
    tree = Tree.open(directory)
    try:
        store = Store.find(tree)
        if store is None:
            return nothing
        try:
            return read(store)
        finally:
            store.close()
    except OSError as error:
        raise JournalError(f"{tree.where}: the history cannot be read ({error.strerror})") from error
    finally:
        tree.close()


def _records(store: Store) -> list[RunRecord]:
    logs = [log for run_id in store.ids() if (log := store.read(run_id)) is not None]
    later = _later_fates(logs)
    return [_record(log, later.get(log.run, {})) for log in logs]


def _later_fates(logs: Iterable[RunLog]) -> dict[str, dict[str, ModelFate]]:
    """What rollbacks and purges did to the models of earlier runs: by run and name."""
    later: dict[str, dict[str, ModelFate]] = {}
    names = {log.run: {number: file.name for number, file in log.models.items()} for log in logs}
    for log in logs:
        if log.kind == "rollback" and log.end is not None:
            restored = (fate for fate in log.fates() if fate.fate is Fate.RESTORED)
            later.setdefault(log.target, {}).update((fate.name, fate) for fate in restored)
        if log.kind == "purge" and log.end is not None:
            for target in log.targets:
                left = log.end.get("left", {}).get(target, {})
                gone = (name for number, name in names.get(target, {}).items() if str(number) not in left)
                fates = later.setdefault(target, {})
                fates.update((name, ModelFate(name, Fate.PURGED)) for name in gone if name not in fates)
    return later


def _record(log: RunLog, later: Mapping[str, ModelFate]) -> RunRecord:
    models = tuple(later.get(fate.name, fate) if fate.fate is Fate.QUARANTINED else fate for fate in log.fates())
    return RunRecord(
        run=log.run,
        kind=log.kind,
        state=_state(log, models),
        began=log.began,
        ended=log.ended,
        until=log.until,
        header=log.header,
        target=log.target if log.kind == "rollback" else "",
        targets=log.targets,
        models=models,
        files=tuple(log.models.values()),
        digests=log.digests,
        freed=log.freed,
        cause=(log.undo or {}).get("cause", ""),
        digest=log.digest,
    )


def _state(log: RunLog, models: tuple[ModelFate, ...]) -> str:
    if log.end is None:
        return "unfinished"
    if log.undo is not None or (log.kind == "apply" and log.commit is None):
        return "undone"
    if log.kind == "purge":
        return "purged"
    fates = {model.fate.value for model in models}
    return fates.pop() if len(fates) == 1 else "mixed"


def _faults(store: Store) -> list[str]:
    faults: list[str] = []
    before: RunLog | None = None
    ids = store.ids()
    for position, run_id in enumerate(ids):
        try:
            log = store.read(run_id)
        except JournalError as error:
            faults.append(str(error))
            before = None
            continue
        newest = position == len(ids) - 1
        faults += _faults_of(run_id, log, newest)
        if log is not None:
            faults += _broken_chain(log, before, first=position == 0, ids=ids)
        before = log
    return faults + _wrong_head(store, ids)


def _faults_of(run_id: str, log: RunLog | None, newest: bool) -> list[str]:
    if newest:
        return []  # what is unfinished or torn here is what a crash leaves; the next start recovers it
    if log is None:
        return [f"{run_id}: the journal is missing or empty"]
    torn = [f"{run_id}: the last record of the journal is damaged"] if log.torn else []
    return torn or ([f"{run_id}: the journal has no end, though later runs began"] if log.end is None else [])


def _broken_chain(log: RunLog, before: RunLog | None, first: bool, ids: list[str]) -> list[str]:
    if log.previous is None:
        return [] if first else [f"{log.run}: says that it is the first run, but others are older"]
    run_id, digest = log.previous
    if run_id not in ids:
        return [f"{run_id}: is missing; {log.run} came after it"]
    if before is not None and (before.run, before.digest) != (run_id, digest):
        return [f"{run_id}: is not as it was when {log.run} began: edited, or a run was put in between"]
    return []


def _wrong_head(store: Store, ids: list[str]) -> list[str]:
    """The head names the newest run. It may be one behind where a crash came between the two."""
    run_id, _, digest = store.head().partition(" ")
    if run_id and run_id not in ids:
        return [f"{run_id}: is missing; it was the newest run"]
    if not run_id:
        return [f"{ids[-1]}: the head of the chain of runs does not know it"] if len(ids) > 1 else []
    if run_id not in ids[-2:]:
        return [f"{ids[-1]}: is newer than the head of the chain of runs knows"]
    try:
        log = store.read(run_id)
    except JournalError:
        return []  # already told
    if log is None or log.chain[0] != digest:
        return [f"{run_id}: its journal does not begin as it did"]
    return []
