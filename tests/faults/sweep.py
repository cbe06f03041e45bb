"""The fault sweep of the library: `python -m tests.faults.sweep [SCENARIO...]`.

Each scenario is one command over ten models, run under strace. It is killed at the 1st, 2nd, 3rd ... occurrence of
every system call that changes the disk, until it gets through; and each occurrence is made to fail once with EIO,
ENOSPC and EACCES. After each, the next start recovers: every model is accounted for by content, and a second
recovery changes nothing. Prints the number of points; exits with 1 at the first model that is not accounted for.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from reconciler.transaction import Transaction
from reconciler.transaction.result import Fate
from tests.faults.points import KILL, Point, sweep
from tests.faults.world import Clock, World


@dataclass(frozen=True)
class Scenario:
    """A command, what comes before it, and what must have become of the models where no fault was hit."""

    command: str
    before: Callable[[World], None]
    fate: Fate


def nothing(_world: World) -> None:
    """The command finds the models in their places."""


def applied(world: World) -> None:
    """The command finds the models in quarantine."""
    with Transaction.open(world.directory, Clock()) as transaction:
        transaction.apply(world.orders())


def killed(command: str, call: str, occurrence: int, first: Callable[[World], None]) -> Callable[[World], None]:
    """The command finds a run that was killed."""

    def before(world: World) -> None:
        first(world)
        run(world, command, Point("", call, KILL, occurrence).strace(world.path.with_suffix(".before")))

    return before


SCENARIOS = {
    "apply": Scenario("apply", nothing, Fate.PURGED),
    "retain": Scenario("retain", nothing, Fate.QUARANTINED),
    "rollback": Scenario("rollback", applied, Fate.UNTOUCHED),
    "purge": Scenario("purge", applied, Fate.PURGED),
    "undo": Scenario("recover", killed("apply", "renameat,rename", 6, nothing), Fate.UNTOUCHED),
    "purge-on": Scenario("recover", killed("apply", "unlinkat,unlink", 6, nothing), Fate.PURGED),
    "restore-on": Scenario("recover", killed("rollback", "renameat2", 6, applied), Fate.UNTOUCHED),
}


def run(world: World, command: str, strace: list[str]) -> int:
    """Run the driver under strace; its exit code."""
    driver = [sys.executable, "-B", "-m", "tests.faults.driver", str(world.path), command, *world.doomed]
    return subprocess.run([*strace, *driver], check=False, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE).returncode


def try_point(point: Point, folder: Path) -> bool:
    """Hit one point and see what recovery makes of it; whether there was such a point."""
    scenario, world, log = SCENARIOS[point.scenario], World.make(folder / "models"), folder / "log"
    scenario.before(world)
    hit = point.was_hit(log, run(world, scenario.command, point.strace(log)))
    fates = set(world.recovers().values())
    assert hit or fates == {scenario.fate}, f"got through, but the models are {fates}"
    assert len(fates) == 1, f"half done: {fates}"
    return hit


if __name__ == "__main__":
    number = sweep(sys.argv[1:] or SCENARIOS, try_point)
    print(f"{number} points swept: every model accounted for, a second recovery changed nothing")  # noqa: T201  a program
