from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from reconciler import history
from reconciler.transaction import Fate, Transaction, due
from reconciler.transaction.apply import Orders
from tests.faults.world import Clock, World, all_well, contents, evidence
from tests.transaction.breaking import breaks


def test_a_thousand_models_go_and_come_back(tmp_path: Path) -> None:
    world = World.make(tmp_path / "models", doomed=1000, kept=10)
    with Transaction.open(world.directory, Clock()) as transaction:
        transaction.apply(world.orders())
        assert set(world.account().values()) == {Fate.QUARANTINED}
        transaction.rollback()
        assert contents(world.path) == world.before
        transaction.apply(world.orders())
        assert set(world.account().values()) == {Fate.QUARANTINED}
    assert history.verify(world.directory) == []


class Runs(RuleBasedStateMachine):
    """Any sequence of runs, crashes and faults keeps every model accounted for."""

    @initialize()
    def start(self) -> None:
        import tempfile

        self.folder = tempfile.TemporaryDirectory()
        self.world = World.make(Path(self.folder.name, "models"), doomed=6, kept=2)
        self.clock = Clock()

    def apply(self, names: list[str], retain: float, keep_going: bool = False) -> None:
        there = [name for name in names if (self.world.path / name).exists()]
        doomed = [evidence(self.world.path, name) for name in there]
        with Transaction.open(self.world.directory, self.clock) as transaction:
            transaction.apply(Orders(doomed, verify=all_well, retain=retain, keep_going=keep_going))

    def rollback(self) -> None:
        with Transaction.open(self.world.directory, self.clock) as transaction:
            if transaction.retained():
                transaction.rollback()

    def purge(self, everything: bool) -> None:
        with Transaction.open(self.world.directory, self.clock) as transaction:
            transaction.purge(due(transaction.retained(), self.clock(), everything=everything))

    def pick(self, data: st.DataObject) -> list[str]:
        return data.draw(st.lists(st.sampled_from(self.world.doomed), unique=True))

    @rule(
        data=st.data(),
        retain=st.sampled_from([0.0, 10.0, 1000.0]),
        at=st.integers(1, 80),
        error=st.sampled_from([None, 5, 28]),
    )
    def an_apply(self, data: st.DataObject, retain: float, at: int, error: int | None) -> None:
        names, keep_going = self.pick(data), data.draw(st.booleans())
        breaks(lambda: self.apply(names, retain, keep_going), at, error)

    @rule(at=st.integers(1, 60), error=st.sampled_from([None, 5, 28]))
    def a_rollback(self, at: int, error: int | None) -> None:
        breaks(self.rollback, at, error)

    @rule(at=st.integers(1, 60), everything=st.booleans(), error=st.sampled_from([None, 5, 28]))
    def a_purge(self, at: int, everything: bool, error: int | None) -> None:
        breaks(lambda: self.purge(everything), at, error)

    @rule(at=st.integers(1, 40))
    def a_recovery(self, at: int) -> None:
        breaks(self.world.recover, at)

    @precondition(lambda self: len(contents(self.world.path)) < 5)
    @rule()
    def start_over(self) -> None:
        """The models that were purged are given again."""
        if not self.world.account().keys() - {*contents(self.world.path)}:
            return
        self.teardown()
        self.start()

    @invariant()
    def every_model_is_accounted_for(self) -> None:
        self.world.recovers()

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.folder.cleanup()


TestRuns = Runs.TestCase
TestRuns.settings = settings(
    max_examples=25, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
)
