"""What goes to standard error, through the real command."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

MANIFEST = """\
apiVersion: ocr-reconcile/v1
kind: ModelSet
metadata: {name: demo}
spec:
  modelPath: models
  discovery: [directory]
  limits: {minKeep: 0}
  handlers:
    changed:
      - command: [echo, "fetched https://me:hunter2@example.org/x?token=abcdef&page=2"]
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "models").mkdir()
    (tmp_path / "models/a.gguf").touch()
    (tmp_path / "models.yaml").write_text(MANIFEST)
    return tmp_path


def run(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "reconciler", *arguments]
    return subprocess.run(command, cwd=home, capture_output=True, text=True, check=False)


APPLY = ("apply", "-f", "models.yaml", "--yes", "--run-handlers")


def test_every_line_has_the_id_of_the_run_and_no_secret(home: Path):
    done = run(home, *APPLY)
    assert done.returncode == 0
    lines = done.stderr.splitlines()
    assert len(lines) == 3
    assert len({found[0] for line in lines if (found := re.match(r"\[[0-9a-f]{8}\] handler ", line))}) == 1
    assert "https://***@example.org/x?token=***&page=2" in done.stderr
    assert "hunter2" not in done.stderr
    assert "abcdef" not in done.stderr


def test_the_history_knows_the_id_of_the_log(home: Path):
    log = run(home, *APPLY).stderr
    shown = run(home, "show", "", "-f", "models.yaml").stdout
    assert re.search(r"^log run +(\w+)$", shown, re.MULTILINE)[1] == log[1:9]  # type: ignore[index]


def test_verbose_says_what_is_done_and_quiet_only_what_is_wrong(home: Path):
    assert "reading" in run(home, "-v", "plan", "-f", "models.yaml").stderr
    assert run(home, "plan", "-f", "models.yaml").stderr == ""
    assert run(home, "-q", *APPLY).stderr == ""
    assert run(home, "-q", "plan", "-f", "none.yaml").stderr.startswith("error: none.yaml")


def test_json_lines(home: Path):
    done = run(home, "-v", "--log-format", "json", *APPLY)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert {line["level"] for line in lines} == {"debug", "info"}
    assert len({line["run"] for line in lines}) == 1
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"]) for line in lines)
    assert "hunter2" not in done.stderr


@pytest.mark.parametrize(("arguments", "code"), [(("plan", "-f", "none.yaml"), 3), (("plan", "--nonsense"), 64)])
def test_an_error_is_a_json_line_with_its_exit_code(home: Path, arguments: tuple[str, ...], code: int):
    done = run(home, "--log-format", "json", *arguments)
    assert done.returncode == code
    (line,) = map(json.loads, done.stderr.splitlines())
    assert (line["level"], line["exit_code"]) == ("error", code)


@pytest.mark.parametrize("arguments", [("--help",), ("plan", "--help")])
def test_help_imports_nothing_heavy(home: Path, arguments: tuple[str, ...]):
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "reconciler", *arguments],
        cwd=home, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    heavy = {
        "pydantic",
        "deepdiff",
        "rich",
        "ruamel.yaml",
        "prometheus_client",
        "opentelemetry",
        "logging",
        "tomllib",
        "json",
    }
    assert "reconciler.cli.logs" in imported
    assert not imported & heavy
