"""The story of an apply. The order of its steps is what keeps models safe.

1. the plan fits host, directory and manifest, and passes its guards;
2. under the run lock, what a dead run left behind is finished or undone;
3. the world is observed again, and a plan that no longer fits it is refused;
4. the engine releases, and it is proven that nothing holds the files;
5. the transaction moves them, looks again, commits and purges.

Up to step 5 no model is touched.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from reconciler.errors import GuardError, InterruptedRunError, StalePlanError
from reconciler.facts import DirectoryFacts, FileFacts, Hold
from reconciler.handlers import HandlerError, run_handlers
from reconciler.holders import Proof, Waiting, check_free, describe, held_since, prove, require
from reconciler.inventory import open_directory
from reconciler.names import printable
from reconciler.phases import phase
from reconciler.planning.drift import binding_drift, model_drift
from reconciler.planning.freeze import FREEZE, frozen
from reconciler.planning.guards import tripped
from reconciler.planning.memory import Memory, after
from reconciler.planning.plan import Plan, require_unblocked
from reconciler.planning.verdicts import Decision, Verdict
from reconciler.provenance import provenance
from reconciler.quantities import human_size
from reconciler.transaction import (
    Orders,
    Recovered,
    Retained,
    RunResult,
    Transaction,
    TransactionError,
    pending,
    retained,
    to_make_room,
)
from reconciler.transaction.seen import read_memory

if TYPE_CHECKING:
    from reconciler.workflow import Reconciler

SAME_HOST = "host"
"""The name by which `overrides` lets a plan of another host pass: containers change their host names."""


@dataclass(frozen=True, slots=True)
class ApplySettings:
    """What the caller decides about one apply. `wait` is in seconds; None means what the manifest says.

    `overrides` names guards that may be tripped, and `host` for a plan that was made under another host name.
    With `verify` the digests that rules state are verified again before anything is touched.
    """

    overrides: frozenset[str] = frozenset()
    wait: float | None = None
    accept_unknown: bool = False
    keep_going: bool = False
    run_handlers: bool = False
    verify: bool = False


@dataclass(frozen=True, slots=True)
class Applied:
    """What an apply did. `run` and `proof` are None where there was nothing to do.

    `recovered` is what a dead run had left, `purged` the quarantine of earlier runs that was removed for good.
    `unplanned` names models that no rule allows by now and that the plan does not name: they were not touched.
    """

    plan: Plan
    recovered: Recovered | None = None
    purged: RunResult | None = None
    proof: dict[str, object] | None = None
    run: RunResult | None = None
    unplanned: tuple[str, ...] = ()


class Apply:
    """One apply of one plan."""

    def __init__(self, reconciler: Reconciler, plan: Plan, settings: ApplySettings) -> None:
        self._reconciler = reconciler
        self._manifest = reconciler.manifest
        self._plan = plan
        self._settings = settings
        self._committed = False
        self._state = "no model of the plan was touched"

    def run(self) -> Applied:
        """Carry it out, or raise what stopped it: a ReconcileError whose class says the exit code."""
        require_unblocked(self._plan, self._settings.overrides)
        self._refuse_frozen()
        with open_directory(self._reconciler.model_directory()) as (descriptor, directory):
            self._refuse_misfit(directory)
            if (
                not self._plan.deletions
                and not pending(directory)
                and not self._purgeable(retained(directory), descriptor)
                and not self._news(read_memory(descriptor), self._plan)
            ):
                return Applied(self._plan)
            with Transaction.open(directory, now=time.time) as transaction:
                try:
                    return self._under_lock(transaction, descriptor)
                except KeyboardInterrupt:
                    where = printable(directory.path)
                    message = f"{where}: interrupted; {self._state}"
                    raise InterruptedRunError(message) from None

    def _under_lock(self, transaction: Transaction, descriptor: int) -> Applied:
        recovered = transaction.recovered
        purged = self._purge(transaction, descriptor)
        if not self._plan.deletions:
            self._remember(transaction, self._plan)
            unplanned = tuple(decision.name for decision in self._reconciler.plan().deletions) if recovered else ()
            return Applied(self._plan, recovered, purged, unplanned=unplanned)
        transaction.memory()  # one that cannot be read stops it here: a protected model may be in it
        fresh = self._refuse_drift()
        self._tell("observed", models=len(fresh.decisions), deletions=len(self._plan.deletions))
        self._reconciler.say("releasing the engine")
        self._reconciler.release_engine()
        proof = self._proven(descriptor)
        self._tell("proof", proof=proof)
        orders = Orders(
            self._plan.doomed,
            check=self._check(descriptor),
            verify=lambda moved: self._faults(moved, fresh),
            header={**self._header(), "proof": proof},
            digests={**self._plan.digests, **fresh.digests},
            retain=self._manifest.spec.quarantine.retain,
            keep_going=self._settings.keep_going,
            progress=self._tell_step,
        )
        result = transaction.apply(orders)
        self._tell_result(result)
        self._state = f"run {result.run} is done"
        self._remember(transaction, fresh, {model.name for model in result.models if not model.cause})
        self._after_change(result)
        planned = {decision.name for decision in self._plan.deletions}
        unplanned = tuple(decision.name for decision in fresh.deletions if decision.name not in planned)
        return Applied(self._plan, recovered, purged, proof, result, unplanned)

    def _news(self, memory: Memory, seen: Plan, gone: Container[str] = ()) -> Memory | None:
        """What is to be remembered after `seen`, without the models `gone`; None if that is known already."""
        at = datetime.fromisoformat(seen.origin.created).timestamp()
        left = (decision for decision in seen.decisions if decision.name not in gone)
        news = after(memory, left, at, grace=self._manifest.spec.grace, applied=True)
        return None if news == memory else news

    def _remember(self, transaction: Transaction, seen: Plan, gone: Container[str] = ()) -> None:
        if news := self._news(transaction.memory(), seen, gone):
            transaction.remember(news)

    @phase("purge")
    def _purge(self, transaction: Transaction, descriptor: int) -> RunResult | None:
        """Remove for good what earlier runs have in quarantine and whose time is over, or whose space is needed."""
        chosen = self._purgeable(transaction.retained(), descriptor)
        return transaction.purge(chosen, self._header(), self._tell_progress) if chosen else None

    def _purgeable(self, kept: list[Retained], descriptor: int) -> list[Retained]:
        space = os.fstatvfs(descriptor)
        wanted = self._manifest.spec.limits.min_free_bytes or 0
        return to_make_room(kept, time.time(), space.f_bavail * space.f_frsize, wanted)

    def _refuse_frozen(self) -> None:
        freeze = self._manifest.spec.freeze
        if not (self._plan.deletions and freeze.windows) or FREEZE in self._settings.overrides:
            return
        if why := frozen(freeze, self._reconciler.now()):
            where = printable(self._manifest.file)
            message = f"{where}: blocked, nothing was touched: {FREEZE}: {why}; wait, or pass --override {FREEZE}"
            raise GuardError(message, (FREEZE,))

    def _refuse_misfit(self, directory: DirectoryFacts) -> None:
        host = self._plan.origin.host if SAME_HOST in self._settings.overrides else self._reconciler.host
        drift = binding_drift(self._plan, directory, manifest_digest=self._manifest.digest, host=host)
        if drift:
            remedy = "plan again" + (
                ", or pass --override host" if len(drift) == 1 and drift[0].startswith("host") else ""
            )
            message = f"{printable(directory.path)}: the plan is not for this; nothing was touched: {remedy}"
            raise StalePlanError(message, drift)

    def _refuse_drift(self) -> Plan:
        """The plan of this moment, which agrees with ours about every model that ours names."""
        unprotect = frozenset(self._plan.origin.unprotect)
        verify = self._settings.verify or any(decision.digest for decision in self._plan.decisions)
        fresh = self._reconciler.plan(verify=verify, unprotect=unprotect)
        if drift := model_drift(self._plan, fresh):
            message = (
                f"{printable(fresh.directory.path)}: changed since the plan was made; nothing was touched: plan again"
            )
            raise StalePlanError(message, drift)
        planned = {decision.name for decision in self._plan.deletions}
        ours = [_spared(decision) if decision.name not in planned else decision for decision in fresh.decisions]
        passed = self._settings.overrides | {guard.name for guard in self._plan.guards if guard.overridden}
        if blocking := [g for g in tripped(self._manifest.spec.limits, ours, passed) if not g.overridden]:
            told = "; ".join(f"{guard.name}: {printable(guard.message)}" for guard in blocking)
            where = printable(fresh.directory.path)
            message = f"{where}: blocked by what is there now, nothing was touched: {told}; plan again"
            raise GuardError(message, tuple(guard.name for guard in blocking))
        return fresh

    @phase("prove")
    def _proven(self, descriptor: int) -> dict[str, object]:
        """The proof that nothing holds the doomed files, as it goes into the history; raises HeldError without one."""
        release = self._manifest.spec.release
        wait = release.wait if self._settings.wait is None else self._settings.wait
        handlers = release.handlers if self._settings.run_handlers else ()
        proof = self._look(descriptor, 0 if handlers else wait)
        if not proof.proven and handlers:
            run_handlers(handlers, self._manifest.directory, self._reconciler.log)
            proof = self._look(descriptor, wait)
        require(proof)
        return {"at": _iso(time.time()), "engine_released": bool(self._plan.origin.engine), **proof.document()}

    def _look(self, descriptor: int, wait: float) -> Proof:
        return prove(
            descriptor,
            self._plan.doomed,
            wait=wait,
            accept_unknown=self._settings.accept_unknown,
            progress=self._tell_waiting,
        )

    def _tell_waiting(self, waiting: Waiting) -> None:
        first = waiting.answers[0]
        who = describe(first.holders[0]) if first.holders else first.why
        more = f" and {len(waiting.answers) - 1} more" if len(waiting.answers) > 1 else ""
        self._reconciler.say(f"waiting {waiting.left:.0f} s for {printable(first.file.name)}{more}: {who}")

    def _check(self, descriptor: int) -> Callable[[FileFacts], None]:
        """The look right before each move, which raises HeldError."""
        kinds: dict[int, str] = {}

        def refuse_held(file: FileFacts) -> None:
            answer = check_free(descriptor, file, kinds)
            accepted = self._settings.accept_unknown and answer.hold is Hold.UNKNOWN
            if answer.hold is not Hold.FREE and not accepted:
                raise held_since(answer)

        return refuse_held

    @phase("verify")
    def _faults(self, moved: Sequence[FileFacts], fresh: Plan) -> Sequence[str]:
        """What is wrong after the move: a moved model still there or listed, a kept one gone or changed."""
        self._reconciler.say("looking again")
        inventory = self._reconciler.observe()
        now = {file.name: file for file in inventory.files}
        gone = {file.name for file in moved}
        doomed = {file.name for file in self._plan.doomed}
        faults = [f"{printable(name)}: is there again" for name in sorted(gone & now.keys())]
        faults += [
            f"{printable(name)}: the engine still lists it" for name in sorted(gone.intersection(inventory.ghosts))
        ]
        for file in fresh.kept:
            if file.name not in doomed and (file.name not in now or not file.same_content_as(now[file.name])):
                faults.append(f"{printable(file.name)}: is to be kept, and is gone or changed")
        return faults

    def _tell_progress(self, what: str, done: int, total: int) -> None:
        shown = f"{human_size(done)} of {human_size(total)}" if what == "purge" else f"{done:,} of {total:,} models"
        self._reconciler.say(f"{what} {shown}")

    def _tell(self, event: str, **data: object) -> None:
        self._reconciler.event(event, data)

    def _tell_step(self, what: str, done: int, total: int) -> None:
        """One step of the transaction. Its purge begins when it is committed, and not before."""
        self._tell_progress(what, done, total)
        if what == "move":
            self._tell("moving", done=done, total=total)
        else:
            self._tell_committed()
            self._tell("purging", done=done, total=total)

    def _tell_committed(self) -> None:
        if not self._committed:
            self._committed = True
            self._tell("committed")

    def _tell_result(self, result: RunResult) -> None:
        self._tell_committed()
        freed = result.freed
        if result.until is None:
            self._tell("purged", run=result.run, files=freed.files, expected=freed.expected, measured=freed.measured)
        else:
            self._tell("quarantined", run=result.run, until=_iso(result.until))

    def _after_change(self, result: RunResult) -> None:
        handlers = self._manifest.spec.handlers.changed
        if handlers and self._settings.run_handlers and result.complete:
            try:
                run_handlers(handlers, self._manifest.directory, self._reconciler.log)
            except HandlerError as error:
                message = f"{error}. The models of run {result.run} are deleted all the same"
                raise TransactionError(message, result) from error

    def _header(self) -> dict[str, object]:
        origin = self._plan.origin
        return {
            **provenance(self._manifest.directory),
            "manifest": os.path.abspath(self._manifest.file),
            "manifest_name": origin.manifest_name,
            "manifest_digest": origin.manifest_digest,
            "engine": origin.engine,
            "plan_digest": self._plan.digest,
            "overrides": sorted(self._settings.overrides),
        }


def _spared(decision: Decision) -> Decision:
    """A model that no rule allows and that the plan does not name: it stays."""
    return decision._replace(verdict=Verdict.KEEP) if decision.verdict is Verdict.DELETE else decision


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
