from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.errors import ActiveRunError
from reconciler.transaction import Transaction
from reconciler.transaction.lock import ourselves
from tests.faults.world import Clock, World

HOLDER = """
import sys, time
from pathlib import Path
from reconciler.transaction import Transaction
from tests.faults.world import observe
with Transaction.open(observe(Path(sys.argv[1])), time.time):
    print("locked", flush=True)
    sys.stdin.read()
"""
ROOT = str(Path(__file__).parents[2])


def holder(world: World) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(world.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": ROOT},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "locked\n"
    return process


def test_the_loser_says_whom_it_met(world: World) -> None:
    with holder(world) as process:
        pattern = f"another run is active: process {process.pid} of "
        with pytest.raises(ActiveRunError, match=pattern), Transaction.open(world.directory, Clock()):
            pytest.fail("must not open")
        process.communicate()
    with Transaction.open(world.directory, Clock()) as transaction:
        assert transaction.former is None


def test_the_lock_dies_with_its_owner(world: World) -> None:
    with holder(world) as process:
        process.kill()
        process.wait()
    with Transaction.open(world.directory, Clock()) as transaction:
        assert transaction.former is not None
        assert transaction.former.pid == process.pid
        assert transaction.former.dead


def test_an_owner_is_dead_only_on_proof() -> None:
    owner = ourselves(time.time())
    assert not owner.dead
    assert replace(owner, started=owner.started + 1).dead, "the pid was given anew"
    assert not replace(owner, started=owner.started + 1, host="elsewhere").dead


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"pid": 1}', b"\xff" * 100])
def test_a_garbled_owner_does_no_harm(content: bytes, world: World) -> None:
    world.recover()
    (world.path / ".ocr-reconcile/lock/lock").write_bytes(content)
    with Transaction.open(world.directory, Clock()) as transaction:
        assert transaction.former is None


def test_a_lock_that_is_a_symbolic_link_is_refused(world: World, tmp_path: Path) -> None:
    world.recover()
    outside = tmp_path / "outside"
    outside.write_bytes(b"of somebody else")
    lock = world.path / ".ocr-reconcile/lock/lock"
    lock.unlink()
    lock.symlink_to(outside)
    with pytest.raises(Exception, match="the run lock cannot be opened"), Transaction.open(world.directory, Clock()):
        pytest.fail("must not open")
    assert outside.read_bytes() == b"of somebody else"


def test_a_lock_replaced_while_it_is_taken_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else two runs could each hold a lock of their own."""
    world.recover()
    lock, flock = world.path / ".ocr-reconcile/lock/lock", fcntl.flock

    def racing(descriptor: int, operation: int) -> None:
        lock.unlink()
        lock.touch()
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", racing)
    with pytest.raises(ActiveRunError, match="was replaced"), Transaction.open(world.directory, Clock()):
        pytest.fail("must not open")
