"""A crash, or one error, at every single call that changes the disk. The sweep under strace does it for real."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.transaction import Transaction, due
from reconciler.transaction.result import Fate
from tests.faults.world import Clock, World
from tests.transaction.breaking import breaks, broken

Step = Callable[[World], None]


def apply_and_purge(world: World) -> None:
    with Transaction.open(world.directory, Clock(1.8e9)) as transaction:
        transaction.apply(world.orders(retain=0))


def apply(world: World) -> None:
    with Transaction.open(world.directory, Clock(1.8e9)) as transaction:
        transaction.apply(world.orders())


def refused(world: World) -> None:
    with Transaction.open(world.directory, Clock(1.8e9)) as transaction:
        transaction.apply(world.orders(verify=lambda _moved: ["something is wrong"]))


def rollback(world: World) -> None:
    with Transaction.open(world.directory, Clock(1.9e9)) as transaction:
        transaction.rollback()


def purge(world: World) -> None:
    with Transaction.open(world.directory, Clock(1.9e9)) as transaction:
        transaction.purge(due(transaction.retained(), 0, everything=True))


def nothing(_world: World) -> None:
    pass


SCENARIOS = {
    "apply and purge": (nothing, apply_and_purge, Fate.PURGED),
    "apply": (nothing, apply, Fate.QUARANTINED),
    "apply, refused": (nothing, refused, Fate.UNTOUCHED),
    "rollback": (apply, rollback, Fate.UNTOUCHED),
    "purge": (apply, purge, Fate.PURGED),
}


@pytest.mark.parametrize("error", [None, errno.EIO, errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EMFILE])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_point_is_recovered_from(scenario: str, error: int | None, tmp_path: Path) -> None:
    before, step, fate = SCENARIOS[scenario]
    for at in range(1, 200):
        world = World.make(tmp_path / str(at), doomed=4, kept=2)
        before(world)
        breaker = breaks(lambda world=world: step(world), at, error)  # type: ignore[misc]
        fates = set(world.recovers().values())
        assert len(fates) == 1, (at, breaker.calls)
        if len(breaker.calls) < at:
            assert fates == {fate}
            return
    pytest.fail("the scenario has no end")


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_crash_in_the_recovery_is_recovered_from(scenario: str, tmp_path: Path) -> None:
    before, step, _ = SCENARIOS[scenario]
    counting = World.make(tmp_path / "counting", doomed=4, kept=2)
    before(counting)
    total = len(breaks(lambda: step(counting), 10**6).calls)
    for first in range(1, total + 1, 3):
        for second in range(1, 200):
            world = World.make(tmp_path / f"{first}-{second}", doomed=4, kept=2)
            before(world)
            breaks(lambda world=world: step(world), first)  # type: ignore[misc]
            breaker = breaks(world.recover, second)
            assert len(set(world.recovers().values())) == 1, (first, second)
            if len(breaker.calls) < second:
                break


def test_the_order_of_effects(world: World) -> None:
    """The intent is durable before the first rename, the renames before the commit, the commit before a removal."""
    with broken(10**6) as breaker:
        apply_and_purge(world)
    calls = breaker.calls
    first, last = calls.index("rename"), len(calls) - 1 - calls[::-1].index("rename")
    assert calls[:first][-6:] == ["write", "fdatasync", "fsync", "fsync", "pwrite", "fdatasync"]
    commit = calls.index("write", last)
    assert calls[last + 1 : commit] == ["fsync"] * (commit - last - 1)
    assert commit - last - 1 == 1 + 4, "the quarantine, the model directory and its three subdirectories"
    assert calls[commit + 1] == "fdatasync"
    assert "unlink" not in calls[:commit]
    assert calls[first : last + 1] == ["rename"] * 10, "no system call that waits between the files"
