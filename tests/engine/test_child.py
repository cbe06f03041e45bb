from __future__ import annotations

import ast
import glob
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import reconciler.engine
from reconciler.engine.client import EngineChild
from reconciler.errors import EngineError

CHILD = Path(reconciler.engine.__file__).with_name("child.py")
FOUND = sorted({sys.executable, *glob.glob(os.path.expanduser("~/.pyenv/versions/3.*/bin/python"))})
PYTHONS = [
    python
    for python in FOUND
    if subprocess.run([python, "-c", "import sys; sys.exit(sys.version_info < (3, 8))"], check=False).returncode == 0
]


def ask(python: str, directory: str | None = "/models") -> tuple[str, ...]:
    with EngineChild.start(python, 120) as child:
        return child.ask(directory, "/").listing


def test_is_python_3_8_and_standard_library_alone():
    tree = ast.parse(CHILD.read_text(encoding="utf-8"), feature_version=(3, 8))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {alias.name for node in imports if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in imports if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in names} - {"aspose"} <= sys.stdlib_module_names


@pytest.mark.parametrize("python", PYTHONS)
def test_runs_on(fake_engine: Callable[..., str], python: str):
    source = "    def list_local(self): return ['Aspose.AI.LLM/models/a.bin']\n"
    assert ask(fake_engine(source, python=python)) == ("a.bin",)


@pytest.mark.parametrize("python", PYTHONS)
def test_missing_package_on(python: str):
    if subprocess.run([python, "-I", "-c", "import aspose"], stderr=subprocess.DEVNULL, check=False).returncode == 0:
        pytest.skip("this interpreter has the package")
    with pytest.raises(EngineError, match="aspose-ocr-python-net is not installed there"):
        ask(python)


def test_what_native_code_prints_is_not_the_answer(fake_engine: Callable[..., str]):
    source = """
    def list_local(self):
        import ctypes
        libc = ctypes.CDLL(None)
        libc.puts(b'{"protocol": 1}')
        libc.fflush(None)
        return []
"""
    assert ask(fake_engine(source)) == ()


def test_names_that_no_encoding_has(fake_engine: Callable[..., str]):
    source = "    def list_local(self): return ['Aspose.AI.LLM/models/\\udcff\\ufffd\\n', '/else/where', 'x']\n"
    names = ask(fake_engine(source))
    assert names[:2] == ("\udcff\ufffd\n", "/else/where")
    assert names[2].startswith("/")


def test_long_listing(fake_engine: Callable[..., str]):
    source = "    def list_local(self): return ['Aspose.AI.LLM/models/%0200d' % i for i in range(20000)]\n"
    assert len(set(ask(fake_engine(source)))) == 20000


def test_listing_sees_what_is_there_when_asked_not_when_started(fake_engine: Callable[..., str], tmp_path: Path):
    source = """
    def list_local(self):
        import os
        return [os.path.join(self.get_local_path(), name) for name in os.listdir(self.get_local_path())]
"""
    (tmp_path / "models").mkdir()
    with EngineChild.start(fake_engine(source), 120) as child:
        (tmp_path / "models" / "late.bin").touch()
        assert child.ask(str(tmp_path / "models"), "/").listing == ("late.bin",)


def test_nothing_outside_of_the_private_directory_is_tidied(
    fake_engine: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "other").mkdir()
    with pytest.raises(EngineError, match="outside of its working directory"):
        ask(fake_engine("    def get_local_path(self): return '../other/models'\n"))
    assert (tmp_path / "other").is_dir()
    assert list(tmp_path.glob("ocr-reconcile-*")) == []


def test_absolute_path_of_the_engine(fake_engine: Callable[..., str], tmp_path: Path):
    (tmp_path / "own").mkdir()
    (tmp_path / "link").symlink_to("own")
    own = str(tmp_path / "own")
    source = f"    def get_local_path(self): return {own!r}\n    def list_local(self): return [{own + '/a'!r}]\n"
    python = fake_engine(source)
    assert ask(python, None) == ("a",)
    assert ask(python, str(tmp_path / "link")) == ("a",)
    with pytest.raises(EngineError, match=rf"^{own}: the engine is configured for this directory"):
        ask(python, str(tmp_path))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("    def __init__(self): raise RuntimeError('licence')\n", r"AsposeAI\(\) failed: RuntimeError: licence"),
        ("    def get_local_path(self): 1 / 0\n", r"get_local_path\(\) failed: ZeroDivisionError"),
        ("    def get_local_path(self): return '../out'\n", "could not be pointed at the model directory"),
        ("    def free_resources(self): raise RuntimeError('no')\n", r"free_resources\(\) failed: RuntimeError: no"),
        ("    def list_local(self): raise OSError('no')\n", r"/models: list_local\(\) failed: OSError: no"),
        ("import no_such_thing\n", "could not be imported: ModuleNotFoundError: No module named 'no_such_thing'"),
        ("raise SystemExit(5)\n", "ended with code 5"),
        ("del AsposeAI\ndef __getattr__(name): raise AttributeError(name)\n", "not be imported: ImportError"),
    ],
)
def test_engine_that_fails(fake_engine: Callable[..., str], source: str, message: str):
    with pytest.raises(EngineError, match=message):
        ask(fake_engine(source))
