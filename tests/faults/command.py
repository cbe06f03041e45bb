"""The fault sweep through the real commands: `python -m tests.faults.command [COMMAND...]`.

`ocr-reconcile apply`, `rollback` and `purge` are killed at, and made to fail once at, every occurrence of the system
calls that change the disk. The next command recovers: every model is accounted for by content, and a second recovery
changes nothing. A smaller world than in the sweep of the library, which costs a third for a point.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from reconciler.transaction import Transaction
from reconciler.transaction.result import Fate
from tests.faults.points import Point, sweep
from tests.faults.world import Clock, World, everything

COMMAND = [sys.executable, "-B", "-m", "reconciler"]
RECOVERS = ("purge", "--models", "models")
"""A command to which nothing is due: all that it does is to recover."""
CLOSED_OUTPUT = 1
"""The code where what cannot be written is the result on standard output, after the run."""
WEEK = 7 * 86400.0


@dataclass(frozen=True)
class Scenario:
    """A command, whether it finds the models in quarantine, and what becomes of them where no fault is hit."""

    words: tuple[str, ...]
    applied: bool
    fate: Fate


SCENARIOS = {
    "apply": Scenario(("apply", "-f", "models.yaml", "--yes"), applied=False, fate=Fate.PURGED),
    "rollback": Scenario(("rollback", "--models", "models"), applied=True, fate=Fate.UNTOUCHED),
    "purge": Scenario(("purge", "--models", "models", "--all"), applied=True, fate=Fate.PURGED),
}


def make(folder: Path) -> World:
    """Four models to be deleted, two to be kept, and the manifest that says so."""
    world = World.make(folder / "models", doomed=4, kept=2)
    spec = {
        "modelPath": "models",
        "discovery": ["directory"],
        "allow": world.kept,
        "limits": {"maxDeletePercent": 100},
    }
    document = {"apiVersion": "ocr-reconcile/v1", "kind": "ModelSet", "metadata": {"name": "w"}, "spec": spec}
    (folder / "models.yaml").write_text(json.dumps(document))
    return world


def command(folder: Path, *words: str, strace: list[str] | None = None) -> int:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [*(strace or []), *COMMAND, *words], check=False, cwd=folder, capture_output=True, env=environment
    )
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    return done.returncode


def try_point(point: Point, folder: Path) -> bool:
    """Hit one point and see what the next command makes of it; whether there was such a point."""
    scenario, world, log = SCENARIOS[point.scenario], make(folder), folder / "log"
    if scenario.applied:
        with Transaction.open(world.directory, Clock(time.time())) as transaction:
            transaction.apply(world.orders(retain=WEEK))
    code = command(folder, *scenario.words, strace=point.strace(log))
    hit = point.was_hit(log, code, also={CLOSED_OUTPUT} if point.call == "write" else ())
    assert command(folder, *RECOVERS) == 0, "the next command does not recover"
    once = everything(world.path)
    fates = set(world.recovers().values())
    assert everything(world.path) == once, "a second recovery changed something"
    assert len(fates) == 1, f"half done: {fates}"
    assert hit or fates == {scenario.fate}, f"got through, but the models are {fates}"
    return hit


if __name__ == "__main__":
    number = sweep(sys.argv[1:] or SCENARIOS, try_point)
    print(f"{number} points swept through ocr-reconcile: every model accounted for")  # noqa: T201  a program
