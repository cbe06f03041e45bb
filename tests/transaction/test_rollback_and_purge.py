from __future__ import annotations

import hashlib
import itertools
import signal

import pytest

from reconciler import history
from reconciler.errors import ApplyError, InterruptedRunError
from reconciler.transaction import Fate, Transaction, due, retained
from reconciler.transaction.purge import _step
from tests.faults.world import Clock, World, contents


def applied(world: World, **orders: object) -> str:
    with Transaction.open(world.directory, Clock()) as transaction:
        return transaction.apply(world.orders(**orders)).run  # type: ignore[arg-type]


def test_a_rollback_restores_and_is_history(world: World) -> None:
    run = applied(world)
    with Transaction.open(world.directory, Clock(1.8e9)) as transaction:
        result = transaction.rollback(run, header={"user": "me"})
    assert {model.fate for model in result.models} == {Fate.RESTORED}
    assert contents(world.path) == world.before
    first, second = history.runs(world.directory)
    assert (first.state, second.kind, second.target) == ("restored", "rollback", run)
    assert second.header == {"user": "me"}


def test_anything_in_the_way_refuses_all(world: World) -> None:
    applied(world)
    (world.path / world.doomed[3]).write_bytes(b"newer")
    with (
        Transaction.open(world.directory, Clock(1.8e9)) as transaction,
        pytest.raises(ApplyError, match=f"{world.doomed[3]}: there is something in its place"),
    ):
        transaction.rollback()
    assert (world.path / world.doomed[3]).read_bytes() == b"newer"
    assert len(retained(world.directory)[0].numbers) == 10
    assert len(history.runs(world.directory)) == 1


@pytest.mark.parametrize("change", ["size", "content"])
def test_a_changed_quarantine_is_refused(change: str, world: World) -> None:
    digests = {name: "sha256:" + hashlib.sha256((world.path / name).read_bytes()).hexdigest() for name in world.doomed}
    applied(world, digests=digests)
    (folder,) = (world.path / ".ocr-reconcile/runs").glob("*/quarantine")
    size = (folder / "4").stat().st_size
    (folder / "4").write_bytes(b"?" * (size if change == "content" else size + 1))
    with (
        Transaction.open(world.directory, Clock(1.8e9)) as transaction,
        pytest.raises(ApplyError, match=rf"{world.doomed[4]}: .* has changed"),
    ):
        transaction.rollback()
    assert len(retained(world.directory)[0].numbers) == 10


def test_a_place_taken_meanwhile_undoes_the_rollback(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    applied(world)
    with Transaction.open(world.directory, Clock(1.8e9)) as transaction:
        from reconciler.transaction.quarantine import Quarantine

        give = Quarantine.give

        def racing(quarantine: Quarantine, number: int, model: str) -> None:
            if number == 6:
                (world.path / model).write_bytes(b"newer")
            give(quarantine, number, model)

        with monkeypatch.context() as patch:
            patch.setattr(Quarantine, "give", racing)
            with pytest.raises(ApplyError, match="in quarantine as before"):
                transaction.rollback()
    (world.path / world.doomed[6]).unlink()
    assert set(world.recovers().values()) == {Fate.QUARANTINED}


def test_a_signal_too_late_to_undo_says_that_it_is_done(world: World) -> None:
    applied(world)
    clock, looks = Clock(), itertools.count(1)

    def now() -> float:
        if next(looks) == 3:  # the lock, the beginning, the end
            signal.raise_signal(signal.SIGTERM)
        return clock()

    with (
        pytest.raises(InterruptedRunError, match="interrupted by SIGTERM; what was done before stands"),
        Transaction.open(world.directory, now) as transaction,
    ):
        transaction.rollback()
    assert contents(world.path) == world.before
    assert history.runs(world.directory)[-1].state == "restored"


def test_nothing_to_roll_back(world: World) -> None:
    with Transaction.open(world.directory, Clock()) as transaction:
        with pytest.raises(ApplyError, match="no run has anything in quarantine"):
            transaction.rollback()
        with pytest.raises(ApplyError, match="run nonsense has not"):
            transaction.rollback("nonsense")


def test_a_purged_run_cannot_be_rolled_back(world: World) -> None:
    run = applied(world, retain=0)
    with Transaction.open(world.directory, Clock()) as transaction, pytest.raises(ApplyError, match="has not anything"):
        transaction.rollback(run)


def test_only_what_is_due_is_purged(world: World) -> None:
    run = applied(world, retain=1000)
    kept = retained(world.directory)
    committed = kept[0].committed
    assert committed is not None
    assert due(kept, committed + 999) == []
    assert [one.run for one in due(kept, committed + 1000)] == [run]
    assert due(kept, committed + 9, older_than=10) == []
    assert [one.run for one in due(kept, committed + 10, older_than=10)] == [run]
    assert [one.run for one in due(kept, committed, everything=True)] == [run]


def test_a_purge_is_history(world: World) -> None:
    run = applied(world)
    with Transaction.open(world.directory, Clock(1.8e9)) as transaction:
        assert transaction.purge([]) is None
        result = transaction.purge(transaction.retained())
    assert result is not None
    assert result.freed.files == 10
    first, second = history.runs(world.directory)
    assert (first.state, second.kind, second.targets) == ("purged", "purge", (run,))
    assert second.freed == result.freed
    assert set(world.account().values()) == {Fate.PURGED}


def test_an_interrupted_purge_goes_on(world: World) -> None:
    applied(world)

    def progress(_what: str, done: int, _total: int) -> None:
        if done:
            signal.raise_signal(signal.SIGHUP)

    with (
        Transaction.open(world.directory, Clock(1.8e9)) as transaction,
        pytest.raises(Exception, match="goes on at the next start"),
    ):
        transaction.purge(transaction.retained(), progress=progress)
    assert set(world.recovers().values()) == {Fate.PURGED}


def test_a_foreign_file_in_a_quarantine_is_left(world: World) -> None:
    applied(world)
    (folder,) = (world.path / ".ocr-reconcile/runs").glob("*/quarantine")
    (folder / "99").write_bytes(b"of somebody else")
    with Transaction.open(world.directory, Clock(1.8e9)) as transaction:
        transaction.purge(transaction.retained())
    assert (folder / "99").read_bytes() == b"of somebody else"
    assert retained(world.directory) == []


def test_many_files_are_purged(world: World) -> None:
    for n in range(700):
        name = f"many-{n}"
        (world.path / name).write_bytes(b"x")
        world.doomed.append(name)
    world.before = contents(world.path)
    applied(world, retain=0)
    assert set(world.account().values()) == {Fate.PURGED}


@pytest.mark.parametrize(
    ("files", "total", "step"),
    [(64, 0, 1), (65, 0, 512), (1000, 1000 << 16, 512), (1000, 1000 << 23, 128), (1000, 1000 * 5 << 30, 4)],
)
def test_large_models_are_purged_in_small_steps(files: int, total: int, step: int) -> None:
    assert _step(files, total) == step
