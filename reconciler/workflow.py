"""The stories, in terms of the rooms: observe, plan, apply. No rules and no printing here."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from reconciler.errors import ApplyError, Issue, ManifestError, Place
from reconciler.facts import STATE_DIRECTORY, Digest, DirectoryFacts, EngineFacts, Inventory
from reconciler.inventory import home_directories, open_directory, take_inventory
from reconciler.phases import phase
from reconciler.quantities import human_size

if TYPE_CHECKING:
    from reconciler.applying import Applied, ApplySettings
    from reconciler.engine.client import EngineChild
    from reconciler.engine.local import LocalEngine
    from reconciler.manifest.manifest import Manifest
    from reconciler.planning.diff import Notice
    from reconciler.planning.memory import Memory
    from reconciler.planning.plan import Plan

Progress = Callable[[str], None]
"""Is told what is being done now, in words."""

Event = Callable[[str, dict[str, object]], None]
"""Is told what an apply has come to: a word, and plain values."""


def _silent(_: str) -> None:
    """Tell nobody."""


def _no_event(_event: str, _data: dict[str, object]) -> None:
    """Tell nobody."""


class Reconciler:
    """Compares one manifest with one host, and carries out what was planned.

    `engine` is the caller's own `AsposeAI`, or anything with its three methods; without one, an engine is started
    in a process of its own. `progress` is told what is being done now, `log` what handlers say, `event` what an apply
    has come to, for machines; `host` and `clock` (UTC) stand in plans. `early` is an engine that loads already, for the
    first observation; it stays its starter's to end.
    """

    def __init__(
        self,
        manifest: Manifest,
        *,
        engine: object | None = None,
        progress: Progress = _silent,
        log: Progress = _silent,
        event: Event = _no_event,
        host: str | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.manifest = manifest
        self._local = None if engine is None else _live(engine)
        self.early: EngineChild | None = None
        self.say = progress
        self.log = log
        self.event = event
        self.host = host or platform.node()
        self._clock = clock

    def now(self) -> datetime:
        """The time, in UTC."""
        return self._clock()

    def model_directory(self) -> str:
        """The path of the model directory: the manifest's, or what the engine answers."""
        return self.manifest.model_path or self._directory_of(self._ask_engine())

    def observe(self) -> Inventory:
        """What the engine lists and the disk has. Raises EngineError and ModelDirectoryError."""
        with self._observed() as (_, inventory):
            return inventory

    @contextmanager
    def _observed(self) -> Iterator[tuple[int, Inventory]]:
        homes = home_directories()  # takes milliseconds, in which an engine that was started early loads
        facts = self._ask_engine()
        path = self._directory_of(facts)
        self.say(f"reading {path}")
        with open_directory(path, homes) as (descriptor, directory):
            with phase("scan"):
                inventory = take_inventory(descriptor, directory, facts)
            yield descriptor, inventory

    def plan(
        self,
        *,
        overrides: frozenset[str] = frozenset(),
        verify: bool = False,
        unprotect: frozenset[str] = frozenset(),
    ) -> Plan:
        """What should be deleted and why; changes nothing. `overrides` names guards that may be tripped.

        With `verify` the digests that rules state are compared with those of the files. `unprotect` names models
        that may go though the last applied manifest protected them.
        """
        from reconciler.planning.diff import Context
        from reconciler.planning.plan import make_plan

        with self._observed() as (descriptor, inventory):
            digests = self._digests(descriptor, inventory) if verify else {}
            memory = _remembered(descriptor)
        self.say("comparing")
        created = self._clock().strftime("%Y-%m-%dT%H:%M:%SZ")
        context = Context(memory=memory, digests=digests, unprotect=unprotect)
        with phase("compare"):
            plan = make_plan(
                self.manifest, inventory, created=created, host=self.host, overrides=overrides, context=context
            )
        unfinished = _unfinished_run(inventory.directory)
        return replace(plan, notices=(*unfinished, *plan.notices)) if unfinished else plan

    def record(self, plan: Plan) -> None:
        """Remember which models `plan` found unwanted, so that the time of their grace begins. Raises ApplyError."""
        from reconciler.planning.memory import after
        from reconciler.transaction import Transaction

        with Transaction.open(plan.directory, now=lambda: self._clock().timestamp()) as transaction:
            memory = transaction.memory()
            grace = self.manifest.spec.grace
            seen = after(memory, plan.decisions, self._clock().timestamp(), grace=grace, applied=False)
            if seen != memory:
                transaction.remember(seen)

    def _digests(self, descriptor: int, inventory: Inventory) -> dict[str, Digest]:
        from reconciler.integrity import digests_of
        from reconciler.planning.verification import to_search, to_verify

        def progress(done: int, total: int) -> None:
            self.say(f"verifying {human_size(done)} of {human_size(total)}")

        found = digests_of(descriptor, to_verify(self.manifest, inventory), progress=progress)
        return found | digests_of(descriptor, to_search(self.manifest, inventory, found), progress=progress)

    def apply(self, plan: Plan, settings: ApplySettings | None = None) -> Applied:
        """Carry out `plan` and nothing else. See reconciler.applying for the order of the steps and the errors."""
        from reconciler.applying import Apply, ApplySettings

        return Apply(self, plan, settings or ApplySettings()).run()

    @phase("release")
    def release_engine(self) -> None:
        """Call `free_resources()` on the caller's engine; an engine of our own has done so and has exited."""
        if self._local:
            self._local.release()

    def _directory_of(self, facts: EngineFacts | None) -> str:
        path = self.manifest.model_path or (facts.model_directory if facts else None)
        if path is None:
            raise ManifestError((_no_model_path(self.manifest.file),))
        return path

    @phase("engine")
    def _ask_engine(self) -> EngineFacts | None:
        spec = self.manifest.spec
        if "engine" not in spec.discovery:
            return None
        self.say("asking the engine")
        if self._local:
            return self._local.observe(self.manifest.model_path, os.getcwd())
        from reconciler.engine.client import EngineChild

        child, self.early = self.early or EngineChild.start(self.manifest.engine_python, spec.engine.timeout), None
        with child:
            return child.ask(self.manifest.model_path, os.getcwd())


def _remembered(descriptor: int) -> Memory:
    """What earlier runs remembered of the model directory open at `descriptor`."""
    from reconciler.planning.memory import Memory

    try:
        os.stat(f"{STATE_DIRECTORY}/lock/seen", dir_fd=descriptor, follow_symlinks=False)
    except (FileNotFoundError, NotADirectoryError):
        return Memory()
    except OSError:
        pass  # the reader says why
    from reconciler.transaction.seen import read_memory

    return read_memory(descriptor)


def look(models: str | None, *, python: str | None, ask_engine: bool, progress: Progress = _silent) -> Inventory:
    """What the engine lists and the disk has at `models`, or where the engine itself looks; needs no manifest."""
    facts = None
    directory = None if models is None else os.path.abspath(models)
    if ask_engine:
        from reconciler.engine.client import DEFAULT_TIMEOUT, EngineChild

        progress("asking the engine")
        with EngineChild.start(python, DEFAULT_TIMEOUT) as child:
            facts = child.ask(directory, os.getcwd())
    path = directory or (facts.model_directory if facts else os.getcwd())
    with open_directory(path) as (descriptor, found):
        return take_inventory(descriptor, found, facts)


def _unfinished_run(directory: DirectoryFacts) -> tuple[Notice, ...]:
    """The warning of a run that is going on, or that was interrupted; nothing is changed."""
    if not os.path.lexists(os.path.join(directory.path, STATE_DIRECTORY)):
        return ()
    from reconciler.planning.diff import Notice
    from reconciler.transaction import pending

    try:
        run = pending(directory)
    except ApplyError as error:
        return (Notice(None, f"{error}; whether a run is unfinished cannot be told"),)
    if run is None:
        return ()
    if run.active:
        return (Notice(None, f"run {run.run} is going on ({run.owner}); what is shown may change"),)
    told = f"run {run.run} ({run.kind}) was interrupted; the next apply, rollback or purge starts with it: it will be"
    return (Notice(None, f"{told} {run.how}"),)


def _live(engine: object) -> LocalEngine:
    """The caller's own engine. Imported here, because a command has none and would wait for importlib.metadata."""
    from reconciler.engine.local import LocalEngine

    return LocalEngine(engine)


def _no_model_path(file: str) -> Issue:
    return Issue(
        Place(file), "spec.modelPath is not given and no engine is asked", "name the model directory in spec.modelPath"
    )
