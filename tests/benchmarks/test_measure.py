from __future__ import annotations

import sys

import pytest

from benchmarks.measure import Effort, FailedRunError, stopwatch
from benchmarks.suite import Comparison, Side

MIB = 2**20
ONCE = Effort(seconds=0.0, fewest=1, most=1)


def python(code: str, **options) -> Side:
    return Side("python", (sys.executable, "-c", code), **options)


@pytest.fixture(scope="module")
def watch():
    with stopwatch() as watch:
        yield watch


def test_a_peak_is_that_of_the_command_and_not_of_the_runner(watch):
    ballast = bytearray(b"\1" * (64 * MIB))  # this process is larger than what it measures
    small, large = (watch.run(python(f"bytearray({size})")).peak for size in (1, 48 * MIB))
    assert max(watch.floor(), small) < 32 * MIB
    assert 48 * MIB < large < len(ballast)


def test_a_side_can_say_its_own_seconds(watch):
    assert watch.run(python("print('told', 12.5)", inner=True)).seconds == 12.5


def test_what_was_told_before_does_not_stay(watch):
    watch.run(python("print('a long text before', 12.5)", inner=True))
    assert watch.run(python("print(3)", inner=True)).seconds == 3


def test_directory_and_environment_are_those_of_the_side(watch, tmp_path):
    code = "import os; assert os.getcwd() == os.environ['WANTED']"
    assert watch.run(python(code, cwd=str(tmp_path), environment={"WANTED": str(tmp_path)})).seconds > 0


def test_ours_and_theirs_run_in_turn_after_one_run_of_each(watch):
    ran: list[str] = []
    ours, theirs = (python(f"'{name}'", prepare=lambda name=name: ran.append(name)) for name in ("ours", "theirs"))
    warm: set[tuple[str, ...]] = set()
    measured = watch.measure(Comparison("", ours, theirs), Effort(0.0, 2, 9), warm)
    assert ran == ["ours", "theirs"] * 3
    assert (len(measured.ours), len(measured.theirs)) == (2, 2)
    watch.measure(Comparison("", ours, theirs), ONCE, warm)
    assert ran == ["ours", "theirs"] * 4


def test_a_command_that_fails_is_told_with_its_last_words(watch):
    with pytest.raises(FailedRunError, match="python ended with code 3: no models"):
        watch.run(python("import sys; print('no models'); sys.exit(3)"))
    failed = watch.measure(Comparison("", python("pass"), python("raise SystemExit(3)")), ONCE, set())
    assert "python ended with code 3" in failed.failure
    assert watch.run(python("raise SystemExit(3)", codes=frozenset({3}))).seconds > 0


def test_a_command_that_is_missing_is_told_and_not_run(watch):
    comparison = Comparison("", python("raise SystemExit(3)"), Side("rclone", missing="rclone is not installed"))
    assert watch.measure(comparison, ONCE, set()).failure == "rclone is not installed"


def test_a_command_that_cannot_be_started_is_told_and_the_next_one_runs(watch):
    nowhere = Side("rclone", ("/nowhere/rclone",))
    with pytest.raises(FileNotFoundError):  # with nobody's last words to tell
        watch.run(nowhere)
    failed = watch.measure(Comparison("", nowhere, python("pass")), ONCE, set())
    assert "/nowhere/rclone" in failed.failure
    assert watch.run(python("pass")).seconds > 0


def test_data_that_cannot_be_made_are_told(watch):
    def full() -> None:
        raise OSError(28, "No space left on device")

    assert "No space" in watch.measure(Comparison("", python("pass", prepare=full), python("")), ONCE, set()).failure
