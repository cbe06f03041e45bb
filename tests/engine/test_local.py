from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

import reconciler
from reconciler.engine.local import LocalEngine
from reconciler.errors import EngineError, ModelDirectoryError
from tests.engine.conftest import EngineAt
from tests.install_engines import LISTS_ALL, NEWEST

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(reconciler.__file__)))


class Engine:
    """An engine of the caller's own making."""

    def __init__(self, path: str = "models", free: Exception | None = None) -> None:
        self.path, self.free, self.freed = path, free, 0

    def get_local_path(self) -> str:
        return self.path

    def list_local(self) -> list[Path]:
        return [Path(self.path) / name for name in os.listdir(self.path)]

    def free_resources(self) -> None:
        self.freed += 1
        if self.free:
            raise self.free


@pytest.fixture(autouse=True)
def at_home(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (models / "bartowski_Llama" / "Llama-3.2-3B-Instruct-Q4_K_M.gguf").unlink()
    (models / "bartowski_Llama").rmdir()
    monkeypatch.chdir(models.parent)


@pytest.mark.parametrize("lacking", ["list_local", "get_local_path", "free_resources"])
def test_object_without_a_method(lacking: str):
    members = {name: None if name == lacking else print for name in ("list_local", "get_local_path", "free_resources")}
    with pytest.raises(EngineError, match=rf"Odd: is not an engine: it lacks {lacking}\(\); pass an AsposeAI object"):
        LocalEngine(type("Odd", (), members)())


def test_nothing_at_all():
    with pytest.raises(EngineError, match=r"NoneType.*lacks list_local\(\), get_local_path\(\), free_resources\(\)"):
        LocalEngine(None)


@pytest.mark.parametrize("absolute", [False, True])
def test_observe(models: Path, absolute: bool):
    engine = Engine(str(models) if absolute else "models/")
    for wanted in (None, str(models)):
        facts = LocalEngine(engine).observe(wanted, os.getcwd())
        assert set(facts.listing) == {"en_ocr_v1.bin", "old_fr_ocr_v1.bin"}
        assert (facts.model_directory.rstrip("/"), facts.in_process, facts.release) == (str(models), True, "unknown")
    assert engine.freed == 0


def test_directory_is_compared_by_identity(models: Path):
    (models.parent / "link").symlink_to("models")
    assert (
        LocalEngine(Engine()).observe(f"{models.parent}/link", os.getcwd()).model_directory == f"{models.parent}/link"
    )


def test_other_directory(models: Path):
    (models.parent / "other").mkdir()
    with pytest.raises(EngineError, match=rf"^{models.parent}/other: the engine looks into {models} instead"):
        LocalEngine(Engine()).observe(f"{models.parent}/other", os.getcwd())


def test_missing_directory(models: Path):
    with pytest.raises(ModelDirectoryError, match="no such directory"):
        LocalEngine(Engine("none")).observe(str(models), os.getcwd())


def test_failing_methods(monkeypatch: pytest.MonkeyPatch):
    local = LocalEngine(Engine("none"))
    with pytest.raises(EngineError, match=r"list_local\(\) failed: FileNotFoundError"):
        local.observe(None, os.getcwd())
    monkeypatch.setattr(Engine, "get_local_path", lambda _self: 1 / 0)
    with pytest.raises(EngineError, match=r"Engine: get_local_path\(\) failed: ZeroDivisionError"):
        local.observe(None, os.getcwd())


def test_release_calls_that_very_object():
    engine = Engine()
    LocalEngine(engine).release()
    assert engine.freed == 1


def test_disposed_engine_is_released():
    text = "Proxy error(ObjectDisposedException): Cannot access a disposed object."
    LocalEngine(Engine(free=RuntimeError(text))).release()


def test_failing_release():
    with pytest.raises(EngineError, match=r"free_resources\(\) failed: RuntimeError: busy") as caught:
        LocalEngine(Engine(free=RuntimeError("busy"))).release()
    assert isinstance(caught.value.__cause__, RuntimeError)


@pytest.mark.parametrize("release", [NEWEST, LISTS_ALL])
def test_live_object(engine_at: EngineAt, models: Path, release: str):
    """The real one, in a process of its own: it would take over the signal handlers of the tests."""
    (models / "Llama-3.2-3B-Instruct-Q4_K_M.gguf").touch()
    os.mkdir("Aspose.AI.LLM")
    os.symlink(models, "Aspose.AI.LLM/models")
    environment = {**os.environ, "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1", "COMPlus_EnableDiagnostics": "0"}
    command = [engine_at(release), "-c", _LIVE, ROOT, str(models)]
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE)
    names = ["Llama-3.2-3B-Instruct-Q4_K_M.gguf"]
    names += [] if release == NEWEST else ["en_ocr_v1.bin", "old_fr_ocr_v1.bin"]
    assert json.loads(done.stdout) == [release, names, True]


_LIVE = """
import json, os, sys
sys.path.insert(0, sys.argv[1])
from aspose.ocr.ai import AsposeAI
from reconciler.engine.local import LocalEngine
local = LocalEngine(AsposeAI())
facts = local.observe(sys.argv[2], os.getcwd())
local.release()
local.release()
print(json.dumps([facts.release, sorted(facts.listing), facts.in_process]))
"""
