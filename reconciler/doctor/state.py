"""What runs left in the model directory: an unfinished one, its lock, its quarantine; and whether the clock fits."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from reconciler import history
from reconciler.doctor.finding import Finding, Status, failure
from reconciler.errors import ReconcileError
from reconciler.facts import DirectoryFacts
from reconciler.names import printable
from reconciler.quantities import human_size, plural
from reconciler.transaction import Pending, due, lock_owner, pending, retained

_CLOCK = "clock"


def state_findings(directory: DirectoryFacts, now: Callable[[], float] = time.time) -> Iterator[Finding]:
    """Every check of our own state in `directory`."""
    checks: tuple[tuple[str, Callable[[], Finding]], ...] = (
        ("unfinished run", lambda: _unfinished(directory)),
        ("run lock", lambda: _lock(directory)),
        ("quarantine", lambda: _quarantine(directory, now())),
        (_CLOCK, lambda: _clock(directory, now())),
    )
    for name, check in checks:
        try:
            yield check()
        except ReconcileError as error:
            yield failure(name, error)


def _unfinished(directory: DirectoryFacts) -> Finding:
    name, found = "unfinished run", pending(directory)
    if found is None:
        return Finding(Status.OK, name, "none")
    if found.active:
        return Finding(Status.WARN, name, f"run {found.run} is being carried out by {_who(found)}", "wait for it")
    what = f"run {found.run} ({found.kind}) was left behind by {_who(found)}; no model of it is lost"
    remedy = f"start `apply`, `rollback` or `purge` there: before anything else it is {found.how}"
    return Finding(Status.WARN, name, what, remedy)


def _who(found: Pending) -> str:
    return printable(str(found.owner)) if found.owner else "a process that is not known"


def _lock(directory: DirectoryFacts) -> Finding:
    name, owner = "run lock", lock_owner(directory)
    if owner is None:
        return Finding(Status.OK, name, "free")
    who = printable(str(owner))
    if owner.dead:
        what = f"the lock file still names {who}, which has ended: the kernel freed the lock with it"
        return Finding(Status.WARN, name, what, "nothing has to be done: the next run takes it; do not delete the file")
    if owner.here:
        return Finding(Status.WARN, name, f"{who} is at work", "wait for it; a second run ends with exit code 9")
    what = f"the lock file names {who}, which cannot be looked at from here"
    return Finding(Status.UNKNOWN, name, what, "see on that host whether the process still runs")


def _quarantine(directory: DirectoryFacts, now: float) -> Finding:
    name, kept = "quarantine", retained(directory)
    if not kept:
        return Finding(Status.OK, name, "empty")
    size = human_size(sum(run.allocated for run in kept))
    what = f"{plural(len(kept), 'run')} with {size}"
    if over := due(kept, now):
        return Finding(Status.WARN, name, f"{what}, {len(over)} of them past their time", "run `ocr-reconcile purge`")
    return Finding(Status.OK, name, what)


def _clock(directory: DirectoryFacts, now: float) -> Finding:
    """Quarantines are kept by the clock: one that went back keeps them too long, one that jumped, too short."""
    newest = max((run.began for run in history.runs(directory)), default=0.0)
    shown = _iso(now)
    if newest > now:
        what = f"it is {shown}, before the newest run of the history began ({_iso(newest)}): the clock went back"
        return Finding(Status.WARN, _CLOCK, what, "set the clock; until then quarantines are kept longer than meant")
    return Finding(Status.OK, _CLOCK, f"{shown}, after every run of the history")


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
