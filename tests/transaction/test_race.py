"""Another process puts symbolic links in the place of directories and models while a run is at them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reconciler.errors import ApplyError
from reconciler.facts import FileFacts
from reconciler.transaction import Transaction
from reconciler.transaction.apply import Orders
from tests.faults.world import Clock, World, all_well, contents, evidence

SWAPPER = """
import os, sys
models, outside, folder, model = sys.argv[1:]
os.chdir(models)
def swap(name, target):
    os.rename(name, name + ".real")
    os.symlink(target, name)
    os.unlink(name)
    os.rename(name + ".real", name)
print("ready", flush=True)
swaps = 0
while os.path.exists(models + ".go"):
    for name, target in ((folder, outside), (model, outside + "/" + model)):
        try:
            swap(name, target)
        except OSError:
            try:  # the run was faster: leave the model's name as it is now
                os.path.islink(name) and os.unlink(name)
                os.path.exists(name + ".real") and not os.path.exists(name) and os.rename(name + ".real", name)
            except OSError:
                pass
        swaps += 1
for name in (folder, model):
    os.path.islink(name) and os.unlink(name)
    if os.path.lexists(name + ".real") and not os.path.lexists(name):
        os.rename(name + ".real", name)
print(swaps, flush=True)
"""


@contextmanager
def swapping(world: World, outside: Path, folder: str, model: str) -> Iterator[list[int]]:
    go = world.path.with_name(world.path.name + ".go")
    go.touch()
    arguments = [sys.executable, "-c", SWAPPER, str(world.path), str(outside), folder, model]
    swaps: list[int] = []
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield swaps
        finally:
            go.unlink()
            swaps.append(int(process.stdout.readline()))


def attempt(world: World, doomed: list[FileFacts]) -> str:
    """Apply and roll back; `moved` if both worked, else `refused`."""
    try:
        with Transaction.open(world.directory, Clock()) as transaction:
            transaction.apply(Orders(doomed, verify=all_well, retain=1000))
            transaction.rollback()
    except ApplyError:
        return "refused"
    return "moved"


def test_nothing_outside_is_ever_moved(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    twin = World.make(outside, doomed=40, kept=0)
    for name in ("model-0.gguf", "model-6.gguf", "model-12.gguf"):
        (outside / name).write_bytes(b"precious")
    precious = contents(outside)
    world = World.make(tmp_path / "models", doomed=40, kept=3)
    doomed = [evidence(world.path, name) for name in world.doomed]
    through_link = [evidence(outside, name) for name in twin.doomed]
    plans = [through_link, doomed, doomed] * 100  # every third was deceived: its evidence is of the files outside
    with swapping(world, outside, "org_repo-0", "model-1.gguf") as swaps:
        outcomes = [attempt(world, plan) for plan in plans]
    assert contents(outside) == precious
    assert swaps[0] > 2000
    assert "refused" in outcomes
    settle(world)
    assert contents(world.path) == world.before


def settle(world: World) -> None:
    """Roll back until nothing is in quarantine: what the swapper was in the way of."""
    for _ in range(1000):
        with Transaction.open(world.directory, Clock()) as transaction:
            if not transaction.retained():
                return
            transaction.rollback()
