"""The Git revision is read, and nothing of the checkout is written."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from reconciler.provenance import provenance


def git(where: Path, *words: str) -> str:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    return subprocess.run(["git", "-C", where, *who, *words], check=True, capture_output=True, text=True).stdout.strip()


def test_a_checkout_is_read_and_not_written(tmp_path: Path) -> None:
    """Its index may be out of date; git would write it anew, while a pipeline's own git works there."""
    manifest = tmp_path / "models.yaml"
    manifest.write_text("old")
    git(tmp_path, "init", "-q")
    assert "git_revision" not in provenance(str(tmp_path), {})
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    os.utime(manifest, (1, 1))
    index = (tmp_path / ".git" / "index").read_bytes()
    assert provenance(str(tmp_path), {})["git_revision"] == git(tmp_path, "rev-parse", "HEAD")
    assert (tmp_path / ".git" / "index").read_bytes() == index
    manifest.write_text("new")
    assert provenance(str(tmp_path), {})["git_revision"].endswith("-dirty")
