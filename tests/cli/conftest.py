"""The real command in a process of its own, on a real directory."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

COMMAND = [sys.executable, "-m", "reconciler"]
Ran = subprocess.CompletedProcess[str]
Run = Callable[..., Ran]


def environment(**more: str) -> dict[str, str]:
    """That of this process without what changes colours and encodings."""
    dropped = {"NO_COLOR", "FORCE_COLOR", "PYTHONIOENCODING", "PYTHONUTF8", "COLUMNS", "TERM"}
    return {**{name: value for name, value in os.environ.items() if name not in dropped}, **more}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run the command in the directory that holds `models` and `models.yaml`."""

    def run_(*arguments: str, env: dict[str, str] | None = None, **options: Any) -> Ran:
        return subprocess.run(
            [*COMMAND, *arguments],
            cwd=tmp_path,
            env=environment(**(env or {})),
            text=True,
            errors="surrogateescape",
            check=False,
            **{"capture_output": "stdout" not in options, "stdin": subprocess.DEVNULL, **options},
        )

    return run_


MANIFEST = """\
apiVersion: ocr-reconcile/v1
kind: ModelSet
metadata: {name: quickstart}
spec:
  modelPath: models
  discovery: [directory]
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Two models, one of them allowed."""
    (tmp_path / "models").mkdir()
    for name in ("en.bin", "old_fr.bin"):
        (tmp_path / "models" / name).write_bytes(b"model")
    write_manifest(tmp_path, "  allow: [en.bin]\n")
    return tmp_path


def write_manifest(directory: Path, spec: str, name: str = "models.yaml") -> None:
    (directory / name).write_text(MANIFEST + spec)
