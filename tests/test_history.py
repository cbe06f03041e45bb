from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler import history
from reconciler.errors import UsageError
from reconciler.transaction import Fate, Transaction
from reconciler.transaction.result import JournalError
from tests.faults.world import Clock, World, everything


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World.make(tmp_path / "models")
    clock = Clock()
    for _ in range(2):
        with Transaction.open(world.directory, clock) as transaction:
            transaction.apply(world.orders(header={"user": "me", "proof": {"looks": 2}}))
            transaction.rollback()
    return world


def folders(world: World) -> list[Path]:
    return sorted((world.path / ".ocr-reconcile/runs").iterdir())


def test_no_state_is_no_history(tmp_path: Path) -> None:
    world = World.make(tmp_path / "models")
    before = everything(world.path)
    assert history.runs(world.directory) == []
    assert history.verify(world.directory) == []
    assert everything(world.path) == before


def test_runs_are_told_and_nothing_is_written(world: World) -> None:
    before = everything(world.path)
    records = history.runs(world.directory)
    assert [(record.kind, record.state) for record in records] == [("apply", "restored"), ("rollback", "restored")] * 2
    assert records[0].header == {"user": "me", "proof": {"looks": 2}}
    assert [file.name for file in records[0].files] == world.doomed
    assert {model.fate for model in records[0].models} == {Fate.RESTORED}
    assert history.verify(world.directory) == []
    assert everything(world.path) == before


def test_one_run_by_its_beginning(world: World) -> None:
    record = history.runs(world.directory)[1]
    assert history.run(world.directory, record.run) == record
    assert history.run(world.directory, record.run[:-2]) == record
    with pytest.raises(UsageError, match="beginning of several"):
        history.run(world.directory, record.run[:4])
    with pytest.raises(UsageError, match="is no run"):
        history.run(world.directory, "nonsense")


@pytest.mark.parametrize("which", range(4))
def test_a_missing_run_is_noticed(which: int, world: World) -> None:
    folder = folders(world)[which]
    shutil.rmtree(folder)
    assert any(fault.startswith(f"{folder.name}: is missing") for fault in history.verify(world.directory))


def test_a_missing_newest_run_stays_noticed(world: World) -> None:
    folder = folders(world)[-1]
    shutil.rmtree(folder)
    with Transaction.open(world.directory, Clock(1.8e9)) as transaction:
        transaction.apply(world.orders())
    assert any(fault.startswith(f"{folder.name}: is missing") for fault in history.verify(world.directory))


def test_all_runs_missing_stays_noticed(world: World) -> None:
    newest = folders(world)[-1]
    for folder in folders(world):
        shutil.rmtree(folder)
    with Transaction.open(world.directory, Clock(1.8e9)) as transaction:
        transaction.apply(world.orders())
    assert any(fault.startswith(f"{newest.name}: is missing") for fault in history.verify(world.directory))


@pytest.mark.parametrize("which", range(4))
@pytest.mark.parametrize("line", [0, -1])
def test_an_edited_run_is_noticed(which: int, line: int, world: World) -> None:
    journal = folders(world)[which] / "journal"
    lines = journal.read_bytes().splitlines(keepends=True)
    lines[line] = lines[line].replace(b'"kind"', b'"Kind"')
    journal.write_bytes(b"".join(lines))
    faults = history.verify(world.directory)
    newest_end = which == 3 and line == -1  # reads as the torn end that a crash leaves: pending, and recovered
    assert bool(faults) is not newest_end


def test_a_run_rewritten_with_good_checksums_is_noticed(world: World) -> None:
    from reconciler.transaction.journal import Journal, read_journal

    folder = folders(world)[0]
    journal = folder / "journal"
    records = read_journal(folder.name, journal.read_bytes()).records
    journal.unlink()
    forged = Journal(os.open(journal, os.O_WRONLY | os.O_CREAT), folder.name)
    for record in records:
        forged.append(record.kind, record.time + 1, **record.data)
    forged.close()
    assert any(fault.startswith(f"{folder.name}: is not as it was") for fault in history.verify(world.directory))


def test_a_truncated_run_is_noticed(world: World) -> None:
    journal = folders(world)[1] / "journal"
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:-1]))
    assert history.verify(world.directory)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_who_may_not_read_is_told_so(world: World) -> None:
    code = f"""
import os, sys
sys.path[:0] = {sys.path!r}
from reconciler import history
from reconciler.transaction.result import JournalError
from reconciler.facts import DirectoryFacts
directory = DirectoryFacts({str(world.path)!r}, {world.directory.device}, {world.directory.inode})
os.chdir({str(world.path)!r})
os.setresuid(65534, 65534, 65534)
import reconciler.transaction.tree as tree
try:
    history.runs(directory)
except JournalError as error:
    sys.exit(0 if "cannot be read" in str(error) else 1)
sys.exit(2)
"""
    for folder in (world.path, *world.path.parents):
        if str(folder) == "/tmp":
            break
        folder.chmod(0o755)
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert JournalError.exit_code == 7
