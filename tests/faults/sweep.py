"""The fault sweep: `python -m tests.faults.sweep [SCENARIO...]`.

Each scenario is one command over ten models, run under strace. It is killed at the 1st, 2nd, 3rd ... occurrence of
every system call that changes the disk, until it gets through; and each occurrence is made to fail once with EIO,
ENOSPC and EACCES. After each, the next start recovers: every model is accounted for by content, and a second
recovery changes nothing. Prints the number of points; exits with 1 at the first model that is not accounted for.
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from reconciler.transaction import Transaction
from reconciler.transaction.result import Fate
from tests.faults.world import Clock, World

CALLS = (
    "rename",
    "renameat",
    "renameat2",
    "unlink",
    "unlinkat",
    "rmdir",
    "mkdir",
    "mkdirat",
    "write",
    "pwrite64",
    "fsync",
    "fdatasync",
    "ftruncate",
    "link",
    "linkat",
    "fchmod",
)
FAULTS = ("signal=KILL", "error=EIO", "error=ENOSPC", "error=EACCES")
BOUND = 200
"""More occurrences of one call than any scenario has: a sweep that reaches it does not end by itself."""


@dataclass(frozen=True)
class Scenario:
    """A command, what comes before it, and what must have become of the models where no fault was hit."""

    command: str
    before: Callable[[World], None]
    fate: Fate


@dataclass(frozen=True)
class Point:
    """One fault at one occurrence of one call."""

    scenario: str
    call: str
    fault: str
    occurrence: int


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
        run(world, command, call, "signal=KILL", occurrence)

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


def run(world: World, command: str, call: str, fault: str, occurrence: int) -> tuple[int, bool]:
    """Run the driver with a fault; its exit code, and whether the fault was hit."""
    log = world.path.with_suffix(".strace")
    inject = f"inject={call}:{fault}:when={occurrence}"
    strace = ["strace", "-f", "-qq", "-o", str(log), "-e", f"trace={call}", "-e", inject]
    driver = [sys.executable, "-B", "-m", "tests.faults.driver", str(world.path), command, *world.doomed]
    code = subprocess.run([*strace, *driver], check=False, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE).returncode
    text = log.read_text(errors="replace")
    return code, "(INJECTED)" in text or "killed by SIGKILL" in text


def sweep_call(name: str, call: str, fault: str) -> Iterator[Point]:
    """Every occurrence of a call in a scenario, until the command gets through."""
    scenario = SCENARIOS[name]
    for occurrence in itertools.count(1):
        assert occurrence < BOUND, f"{name}: {call} has no end"
        point = Point(name, call, fault, occurrence)
        with tempfile.TemporaryDirectory() as folder:
            hit = try_point(point, World.make(Path(folder, "models")), scenario)
        if not hit:
            return
        yield point


def try_point(point: Point, world: World, scenario: Scenario) -> bool:
    """Hit one point and see what recovery makes of it; whether there was such a point."""
    scenario.before(world)
    code, hit = run(world, scenario.command, point.call, point.fault, point.occurrence)
    try:
        assert code in ({137, -9} if point.fault == "signal=KILL" else {0, 7}) if hit else code == 0, (
            f"exit code {code}"
        )
        fates = set(world.recovers().values())
        assert hit or fates == {scenario.fate}, f"got through, but the models are {fates}"
        assert len(fates) == 1, f"half done: {fates}"
    except Exception as error:
        keep = Path(tempfile.mkdtemp(prefix="sweep-failed-"), "models")
        shutil.copytree(world.path, keep, symlinks=True)
        error.add_note(f"at {point}, exit code {code}; the directory is kept in {keep}")
        raise
    return hit


def main(names: list[str]) -> int:
    """Sweep the named scenarios, or all; one worker a processor."""
    todo = itertools.product(names or SCENARIOS, CALLS, FAULTS)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(lambda one: list(sweep_call(*one)), todo)
        points = [point for part in results for point in part]
    count = Counter((point.scenario, point.fault) for point in points)
    for (name, fault), number in sorted(count.items()):
        print(f"{name:12} {fault:14} {number:4} points")  # noqa: T201  a program
    print(f"{len(points)} points swept: every model accounted for, a second recovery changed nothing")  # noqa: T201  a program
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
