"""The head start of the engine: real processes, of which none outlives the block."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from reconciler.engine.client import EngineChild
from reconciler.errors import ManifestError, ModelDirectoryError
from reconciler.manifest.reading import asks_default_engine
from reconciler.opening import opened

HEAD = "apiVersion: ocr-reconcile/v1\nkind: ModelSet\nmetadata: {name: m}\nspec:\n  modelPath: models\n"
RULES = "  allow: [{name: a.bin}]\n"


class Started(list[tuple[str | None, int]]):
    """Of each engine that was started: the interpreter asked for, and the process."""

    def alive(self) -> list[str | None]:
        return [python for python, pid in self if os.path.exists(f"/proc/{pid}")]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Started:
    """Notes what is started, and starts it."""
    noted = Started()
    start = EngineChild.start

    def noting(python: str | None, timeout: float) -> EngineChild:
        child = start(python, timeout)
        noted.append((python, child._process.pid))  # whether it is gone is what is tested
        return child

    monkeypatch.setattr(EngineChild, "start", noting)
    return noted


def write(directory: Path, spec: str) -> str:
    path = directory / "models.yaml"
    path.write_text(HEAD + spec + RULES)
    return str(path)


@pytest.mark.parametrize(
    "spec",
    ["", "  discovery: [engine, directory]\n", "  discovery: ['engine']\n", "  # discovery: [directory]\n"],
)
def test_one_engine_is_started_for_a_manifest_that_names_none(tmp_path: Path, started: Started, spec: str) -> None:
    path = write(tmp_path, spec)
    assert asks_default_engine(Path(path).read_bytes())
    with opened(path) as reconciler:
        assert reconciler.early is not None
        assert started.alive() == [None]
    assert (len(started), started.alive()) == (1, [])


@pytest.mark.parametrize(
    "spec",
    [
        "  discovery: [directory]\n",
        "  discovery:\n    - engine\n",
        "  engine: {timeout: 5s}\n",
        "  extends: [base.yaml]\n",
        "  variables: {a: {default: x}}\n  deny: [{name: '${a}'}]\n",
    ],
)
def test_bytes_that_may_say_otherwise_get_no_head_start(spec: str) -> None:
    assert not asks_default_engine((HEAD + spec + RULES).encode())


def test_other_files_get_no_head_start() -> None:
    assert not asks_default_engine(b"services: {}\n")


def test_a_wrong_guess_is_ended_and_the_engine_of_the_manifest_started(tmp_path: Path, started: Started) -> None:
    path = write(tmp_path, f'  "\\u0065ngine": {{python: {os.path.realpath("/proc/self/exe")}}}\n')
    assert asks_default_engine(Path(path).read_bytes())
    with opened(path):
        assert [python for python, _ in started] == [None, os.path.realpath("/proc/self/exe")]
        assert started.alive() == [os.path.realpath("/proc/self/exe")]
    assert started.alive() == []


def test_a_wrong_guess_is_ended_where_no_engine_is_asked(tmp_path: Path, started: Started) -> None:
    with opened(write(tmp_path, '  "\\u0064iscovery": [directory]\n')) as reconciler:
        assert (len(started), started.alive(), reconciler.early) == (1, [], None)


def test_a_fault_of_the_manifest_ends_it(tmp_path: Path, started: Started) -> None:
    with pytest.raises(ManifestError), opened(write(tmp_path, "  nonsense: true\n")):
        pass
    assert (len(started), started.alive()) == (1, [])


def test_one_that_cannot_be_started_is_no_fault_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "nowhere"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    with opened(write(tmp_path, "")) as reconciler:
        assert reconciler.early is None


def test_a_home_directory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is looked for before the engine is asked, and not where the directory is opened."""
    (tmp_path / "models").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "models"))
    with (
        opened(write(tmp_path, "  discovery: [directory]\n")) as reconciler,
        pytest.raises(ModelDirectoryError, match="home directory"),
    ):
        reconciler.observe()
