from __future__ import annotations

import pytest

from reconciler.errors import ApplyError
from reconciler.transaction import Fate, Transaction, due, pending, retained
from reconciler.transaction.result import JournalError
from tests.faults.world import Clock, World, contents, everything
from tests.transaction.breaking import Crash, broken


def crash_at(world: World, call: str, count: int, retain: float = 1000) -> None:
    other = World.make(world.path.with_name("other"), len(world.doomed), len(world.kept))
    with broken(10**6) as counting, Transaction.open(other.directory, Clock()) as transaction:
        transaction.apply(other.orders(retain=retain))
    places = [at for at, name in enumerate(counting.calls, 1) if name == call]
    with pytest.raises(Crash), broken(places[count]), Transaction.open(world.directory, Clock()) as transaction:
        transaction.apply(world.orders(retain=retain))


def test_nothing_is_pending_without_state(world: World) -> None:
    before = everything(world.path)
    assert pending(world.directory) is None
    assert retained(world.directory) == []
    assert everything(world.path) == before


def test_an_uncommitted_run_is_told_and_undone(world: World) -> None:
    crash_at(world, "rename", 5)
    before = everything(world.path)
    found = pending(world.directory)
    assert found is not None
    assert (found.kind, found.how) == ("apply", "undone")
    assert everything(world.path) == before
    with Transaction.open(world.directory, Clock()) as transaction:
        assert transaction.recovered is not None
        assert (transaction.recovered.how, transaction.recovered.problems) == ("undone", ())
    assert contents(world.path) == world.before
    assert pending(world.directory) is None


def test_a_due_purge_is_told_and_finished(world: World) -> None:
    crash_at(world, "unlink", 5, retain=0)
    found = pending(world.directory)
    assert found is not None
    assert found.how == "finished"
    assert set(world.recovers().values()) == {Fate.PURGED}


def test_models_that_others_removed_meanwhile_are_told(world: World) -> None:
    crash_at(world, "rename", 5)
    gone = world.doomed[9]
    (world.path / gone).unlink()
    with Transaction.open(world.directory, Clock()) as transaction:
        assert transaction.recovered is not None
        assert transaction.recovered.problems == (f"{gone}: is neither in its place nor in quarantine",)


def test_a_newer_file_in_the_place_is_never_overwritten(world: World) -> None:
    crash_at(world, "rename", 5)
    newer = world.path / world.doomed[0]
    newer.write_bytes(b"newer")
    with Transaction.open(world.directory, Clock()) as transaction:
        assert transaction.recovered is not None
        assert [problem.partition(":")[0] for problem in transaction.recovered.problems] == [world.doomed[0]]
    assert newer.read_bytes() == b"newer"
    kept = retained(world.directory)
    assert [run.numbers for run in kept] == [(0,)]
    assert due(kept, 1e12, everything=True) == [], "what could not be put back is never purged"
    newer.unlink()
    with Transaction.open(world.directory, Clock()) as transaction:
        assert transaction.recovered is None
        transaction.rollback()
    assert contents(world.path) == world.before


def test_a_damaged_journal_refuses_to_act(world: World) -> None:
    with Transaction.open(world.directory, Clock()) as transaction:
        transaction.apply(world.orders())
    path = max((world.path / ".ocr-reconcile/runs").glob("*/journal"))
    path.write_bytes(path.read_bytes().replace(b"model-1.gguf", b"model-7.gguf"))
    before = everything(world.path)
    with pytest.raises(JournalError, match="damaged"), Transaction.open(world.directory, Clock()):
        pytest.fail("must not open")
    assert everything(world.path) == before


def test_a_quarantine_without_journal_refuses_to_act(world: World) -> None:
    crash_at(world, "rename", 5)
    max((world.path / ".ocr-reconcile/runs").glob("*/journal")).unlink()
    before = everything(world.path)
    with pytest.raises(JournalError, match="no journal"), Transaction.open(world.directory, Clock()):
        pytest.fail("must not open")
    assert everything(world.path) == before


def test_a_disk_that_refuses_stops_everything_until_it_does_not(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from reconciler.transaction import quarantine

    crash_at(world, "rename", 5)

    def refusing(*_args: object) -> None:
        raise OSError(30, "Read-only file system")

    with monkeypatch.context() as patch:
        patch.setattr(quarantine, "rename_without_replacing", refusing)
        with pytest.raises(ApplyError, match="Read-only"), Transaction.open(world.directory, Clock()):
            pytest.fail("must not open")
    assert set(world.recovers().values()) == {Fate.UNTOUCHED}


def test_a_clock_set_back_does_not_hide_the_newest_run(world: World) -> None:
    with Transaction.open(world.directory, Clock(1.8e9)) as transaction:
        first = transaction.apply(world.orders())
    with Transaction.open(world.directory, Clock(1.7e9)) as transaction:
        second = transaction.rollback()
    assert first.run < second.run


def test_a_file_under_both_names_is_one_again(world: World) -> None:
    """A crash between link and unlink, where the file system has no rename that refuses to overwrite."""
    import os

    crash_at(world, "rename", 5)
    (folder,) = (world.path / ".ocr-reconcile/runs").glob("*/quarantine")
    os.link(folder / "0", world.path / world.doomed[0])
    assert set(world.recovers().values()) == {Fate.UNTOUCHED}
    assert (world.path / world.doomed[0]).stat().st_nlink == 1
