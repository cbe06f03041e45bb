"""The real command on a real host that is broken on purpose."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

Finding = dict[str, str]
Doctor = Callable[..., tuple[int, dict[str, Finding]]]

MANIFEST = """\
apiVersion: ocr-reconcile/v1
kind: ModelSet
metadata: {{name: broken}}
spec:
  modelPath: {models}
{engine}  discovery: [{discovery}]
  allow: [a.gguf]
"""


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A model directory with one model at depth 1 and one at depth 2."""
    directory = tmp_path / "models"
    (directory / "org").mkdir(parents=True)
    (directory / "a.gguf").write_bytes(b"a" * 100)
    (directory / "org" / "b.gguf").write_bytes(b"b" * 100)
    return directory


@pytest.fixture
def manifest(tmp_path: Path, models: Path) -> Callable[..., Path]:
    """Write a manifest; without an interpreter no engine is asked."""

    def write(python: str = "", discovery: str = "") -> Path:
        path = tmp_path / "models.yaml"
        shown = discovery or ("engine, directory" if python else "directory")
        engine = f"  engine: {{python: {python}}}\n" if python else ""
        path.write_text(MANIFEST.format(models=models, engine=engine, discovery=shown))
        return path

    return write


@pytest.fixture
def doctor(tmp_path: Path) -> Doctor:
    """Run `doctor` in a process of its own; the exit code, and each finding by its name."""

    def run(*arguments: str | Path, under: Sequence[str] = (), **environment: str) -> tuple[int, dict[str, Finding]]:
        command = [*under, sys.executable, "-m", "reconciler", "doctor", "--format", "json", *map(str, arguments)]
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=tmp_path, env={**os.environ, **environment}, check=False
        )
        assert done.stderr == ""
        document: dict[str, Any] = json.loads(done.stdout)
        assert document["outcome"] == ("unhealthy" if done.returncode else "healthy")
        return done.returncode, {finding["name"]: finding for finding in document["findings"]}

    return run
