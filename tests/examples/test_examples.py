"""Every example, run as its first lines say, with the real engine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.site import Site, digest
from tests.holders import conftest as ways

start = ways.start
REPOSITORY = Path(__file__).parents[2]
TRIED = {"make_models.py", "demo.sh", "cleanup.py", "cleanup.yaml", "live_engine.py", "live_engine.yaml", "ci_gate.sh"}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of what the examples need, since they write beside it."""
    for folder in ("examples", "manifests"):
        shutil.copytree(REPOSITORY / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def run(*words: object, cwd: Path, code: int = 0, **env: str) -> str:
    path = os.pathsep.join((os.path.dirname(sys.executable), os.environ["PATH"]))
    environment = {**os.environ, "PATH": path, **env}
    command = list(map(str, words))
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=cwd, env=environment)
    assert done.returncode == code, (done.stdout, done.stderr)
    return done.stdout + done.stderr


def names(directory: Path) -> set[str]:
    return {os.fsdecode(name) for name in digest(directory)}


def test_every_example_is_tried() -> None:
    assert {path.name for path in (REPOSITORY / "examples").iterdir() if path.is_file()} == TRIED


def test_the_demo_twice(project: Path) -> None:
    told = []
    for _ in range(2):
        told.append(run("bash", "examples/demo.sh", cwd=project))
        assert names(project / "demo" / "models") == {
            "en_ocr_v1.bin",
            "es_ocr_v1.bin",
            "fr_ocr_v2.bin",
            "bartowski_Llama-3.2-3B-Instruct-GGUF/Llama-3.2-3B-Instruct-Q4_K_M.gguf",
            "bartowski_Llama-3.2-3B-Instruct-GGUF/LICENSE.txt",
            "en_ocr_v2.bin.part",
            "README.md",
        }
    for text in told:
        audit, rest = text.split("$ ocr-reconcile plan", 1)
        for word in ("CURRENT", "OLD", "old_fr_ocr_v1.bin"):
            assert word in audit
        assert "All resources released: free_resources() was called, and nothing holds the files" in rest
        assert "2 models removed" in rest
        assert "Nothing to do: 4 current" in rest.rpartition("$ ocr-reconcile plan")[2]


def test_the_clean_up(project: Path) -> None:
    run(sys.executable, "examples/make_models.py", "demo/models", cwd=project)
    models = project / "demo" / "models"
    before = names(models)
    told = run(sys.executable, "examples/cleanup.py", "examples/cleanup.yaml", cwd=project)
    assert "delete   old_fr_ocr_v1.bin: " in told
    assert "Deleted old_fr_ocr_v1.bin.\nAll resources released; " in told
    assert names(models) == before - {"old_fr_ocr_v1.bin"}
    assert "Nothing to delete." in run(sys.executable, "examples/cleanup.py", "examples/cleanup.yaml", cwd=project)
    shutil.rmtree(models)
    assert "error: " in run(sys.executable, "examples/cleanup.py", "examples/cleanup.yaml", cwd=project, code=8)


def test_a_live_engine(project: Path, start: ways.Start) -> None:
    service = project / "service"
    models = service / "Aspose.AI.LLM" / "models"
    run(sys.executable, project / "examples" / "make_models.py", models, cwd=project)
    script = [sys.executable, project / "examples" / "live_engine.py", project / "examples" / "live_engine.yaml"]
    before = digest(models)
    process = start(models / "old_fr_ocr_v1.bin", ways.WAYS["mapping"])
    manifest = project / "examples" / "live_engine.yaml"
    manifest.write_text(manifest.read_text() + "  release:\n    wait: 0\n")
    told = run(*script, cwd=service, code=6)
    assert f"old_fr_ocr_v1.bin is held by: {process.pid}\n" in told
    assert digest(models) == before
    process.kill()
    process.wait()
    assert "Removed 1 models: old_fr_ocr_v1.bin.\n" in run(*script, cwd=service)
    assert "Removed 0 models: none.\n" in run(*script, cwd=service)


def test_the_gate_of_a_pipeline(project: Path) -> None:
    site = Site(project / "host")
    gate = project / "examples" / "ci_gate.sh"
    assert "approve the plan above" in run(gate, "plan", site.manifest, site.plan, cwd=project)
    assert site.names() == {*site.keep, *site.doomed}
    run(gate, "apply", site.plan, cwd=project)
    assert site.names() == set(site.keep)
    assert "nothing to approve" in run(gate, "plan", site.manifest, site.plan, cwd=project)
    assert "ci_gate.sh plan" in run(gate, cwd=project, code=64)
    site.put("old-again.bin")
    run(gate, "apply", site.plan, cwd=project)
    site.write_manifest(limits={"maxDeletions": 0})
    run(gate, "plan", site.manifest, site.plan, cwd=project, code=4)
