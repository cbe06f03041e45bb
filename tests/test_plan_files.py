"""Plan files on disk: whole or not at all, and never in the place of something else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from reconciler import plan_files
from reconciler.errors import PlanFileError, UsageError
from reconciler.plan_files import read_plan_file, write_plan_file
from reconciler.planning.planfile import plan_text
from tests.planning.build import inventory, manifest, plan

PLAN = plan(manifest(), inventory("raw\udcff.bin"))


@pytest.mark.parametrize("name", ["plan.json", "new\nline.json", "raw\udcff.json"])
def test_round_trip(tmp_path: Path, name: str) -> None:
    path = str(tmp_path / name)
    write_plan_file(PLAN, path)
    assert read_plan_file(path) == PLAN
    assert os.listdir(tmp_path) == [name]


def test_replaces_an_older_plan_through_a_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("real.json").write_text("older")
    Path("link.json").symlink_to("real.json")
    write_plan_file(PLAN, "link.json")
    assert Path("link.json").is_symlink()
    assert Path("real.json").read_bytes() == plan_text(PLAN)


def test_never_takes_the_place_of_a_device_or_a_directory(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", tmp_path, Path("/dev/null")):
        with pytest.raises(UsageError, match="not a regular file; name a file"):
            write_plan_file(PLAN, str(path))
    assert (tmp_path / "fifo").is_fifo()
    assert Path("/dev/null").is_char_device()


def test_a_directory_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file or directory") as raised:
        write_plan_file(PLAN, f"{tmp_path}/new\nline/plan.json")
    assert "new\\nline/plan.json: cannot be written" in str(raised.value)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_an_interrupted_write_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    path = tmp_path / "plan.json"
    path.write_text("older")

    def failing(_: int) -> None:
        raise error

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises((KeyboardInterrupt, UsageError)):
        write_plan_file(PLAN, str(path))
    assert path.read_text() == "older"
    assert os.listdir(tmp_path) == ["plan.json"]


def test_reads_regular_files_only_and_waits_for_nobody(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", tmp_path, Path("/dev/zero")):
        with pytest.raises(PlanFileError, match="not a regular file"):
            read_plan_file(str(path))
    with pytest.raises(PlanFileError, match="No such file"):
        read_plan_file(str(tmp_path / "missing.json"))
    with pytest.raises(PlanFileError, match="cannot be read"):
        read_plan_file("nul\0.json")


def test_a_file_larger_than_any_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "plan.json"
    write_plan_file(PLAN, str(path))
    monkeypatch.setattr(plan_files, "LARGEST", path.stat().st_size)
    assert read_plan_file(str(path)) == PLAN
    monkeypatch.setattr(plan_files, "LARGEST", path.stat().st_size - 1)
    with pytest.raises(PlanFileError, match="larger than any plan"):
        read_plan_file(str(path))
