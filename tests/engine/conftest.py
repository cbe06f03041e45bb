"""Real engines, and stand-ins for faults that a real one cannot be asked to have."""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.install_engines import DEFAULT

EngineAt = Callable[[str], str]
StandIn = Callable[[str], str]

FAKE = """
class AsposeAI:
    def get_local_path(self): return "Aspose.AI.LLM/models"
    def list_local(self): return []
    def free_resources(self): pass
"""


@pytest.fixture(scope="session")
def engine_at() -> EngineAt:
    """The interpreter of an environment with that release of the engine."""
    home = os.environ.get("OCR_RECONCILE_TEST_ENGINES", DEFAULT)

    def find(release: str) -> str:
        python = os.path.join(home, release, "bin", "python")
        if not os.path.exists(python):
            pytest.fail(f"{python}: no such engine; run `python tests/install_engines.py {home}`")
        return python

    return find


@pytest.fixture
def stand_in(tmp_path: Path) -> StandIn:
    """Make an interpreter out of a shell script; "$@" is what the client asks for."""

    def make(script: str) -> str:
        path = tmp_path / "stand in" / "python"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return str(path)

    return make


@pytest.fixture
def fake_engine(tmp_path: Path, stand_in: StandIn) -> Callable[..., str]:
    """Make an interpreter that runs the real child.py with an `aspose` package of the given source."""

    def make(source: str = "", python: str = sys.executable) -> str:
        home = tmp_path / "fake"
        (home / "aspose" / "ocr").mkdir(parents=True)
        for package in ("aspose", "aspose/ocr"):
            (home / package / "__init__.py").touch()
        (home / "aspose" / "ocr" / "ai.py").write_text(FAKE + source)
        (home / "aspose_ocr_python_net-1.2.3.dist-info").mkdir()
        run = f"import sys, runpy; sys.path.insert(0, {str(home)!r}); runpy.run_path(sys.argv[-1], run_name='__main__')"
        return stand_in(f'exec {shlex.quote(python)} -I -B -X utf8 -c {shlex.quote(run)} "$@"')

    return make


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A model directory such as the tutorials have."""
    directory = tmp_path / "models"
    (directory / "bartowski_Llama").mkdir(parents=True)
    for name in ("en_ocr_v1.bin", "old_fr_ocr_v1.bin", "bartowski_Llama/Llama-3.2-3B-Instruct-Q4_K_M.gguf"):
        (directory / name).write_bytes(b"model")
    return directory


@pytest.fixture(autouse=True)
def leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever happens, no temporary directory, process, thread or descriptor is left behind."""
    home = tmp_path / "tmp"
    home.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(home))
    threads, descriptors = threading.active_count(), set(os.listdir("/proc/self/fd"))
    yield
    assert list(home.iterdir()) == []
    assert threading.active_count() == threads
    assert set(os.listdir("/proc/self/fd")) == descriptors
    with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as children:
        assert children.read() == ""


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for something that another process does; a minute is for a machine that is very busy."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_gone(pid: int) -> bool:
    """Whether the process has ended, reaped by its parent or not."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
            return stat.read().rpartition(")")[2].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True
