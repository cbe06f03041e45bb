"""Where a setting comes from, through the real command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from reconciler.cli import configuration, group

MANIFEST = "apiVersion: ocr-reconcile/v1\nkind: ModelSet\nmetadata: {name: demo}\n"
SPEC = "spec: {modelPath: models, discovery: [directory], allow: [a.gguf]}\n"

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A project with a manifest, and a directory below it in which commands are started."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models/a.gguf").touch()
    (tmp_path / "models.yaml").write_text(MANIFEST + SPEC)
    (tmp_path / "below").mkdir()
    return tmp_path


@pytest.fixture
def run(home: Path) -> Run:
    def call(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("OCR_RECONCILE_")}
        command = [sys.executable, "-m", "reconciler", *arguments]
        return subprocess.run(
            command, cwd=home / "below", capture_output=True, text=True, check=False, env={**clean, **environment}
        )

    return call


def in_force(run: Run, *before: str, **environment: str) -> dict[tuple[str, str], tuple[object, str]]:
    done = run(*before, "config", "--format", "json", **environment)
    assert (done.returncode, done.stderr) == (0, "")
    return {
        (one["command"], one["option"]): (one["value"], one["source"]) for one in json.loads(done.stdout)["settings"]
    }


def test_a_flag_over_a_variable_over_a_file_over_the_default(run: Run, home: Path):
    assert in_force(run)["apply", "wait"] == (None, "default")
    (home / "ocr-reconcile.toml").write_text('wait = "5s"\n[plan]\nformat = "json"\n')
    assert in_force(run)["apply", "wait"] == ("5s", str(home / "ocr-reconcile.toml"))
    assert in_force(run)["plan", "format"] == ("json", str(home / "ocr-reconcile.toml"))
    assert in_force(run)["audit", "format"] == ("text", "default")
    assert in_force(run, OCR_RECONCILE_WAIT="7s")["apply", "wait"] == ("7s", "OCR_RECONCILE_WAIT")
    assert in_force(run, OCR_RECONCILE_FORMAT="json")["plan", "format"] == ("json", "OCR_RECONCILE_FORMAT")
    assert in_force(run, "--isolated")["apply", "wait"] == (None, "default")
    shown = run("plan", "-f", "../models.yaml", "--format", "text", OCR_RECONCILE_FORMAT="json")
    assert shown.stdout.startswith("Manifest")


@pytest.mark.parametrize("source", ["a variable", "a file"])
def test_a_shared_format_counts_where_a_command_has_it(run: Run, home: Path, source: str):
    environment = {"OCR_RECONCILE_FORMAT": "markdown"} if source == "a variable" else {}
    if source == "a file":
        (home / "ocr-reconcile.toml").write_text('format = "markdown"\n')
    assert run("plan", "-f", "../models.yaml", **environment).stdout.startswith("<!--")
    assert run("history", "-f", "../models.yaml", **environment).stdout == "No runs yet.\n"
    assert run("history", "-f", "../models.yaml", "--format", "markdown", **environment).returncode == 64
    shown = in_force(run, **environment)
    assert shown["plan", "format"][0] == "markdown"
    assert shown["history", "format"] == (
        "text", "default; markdown, as set for all commands, is no format of this one"
    )  # fmt: skip


@pytest.mark.parametrize("content", ['format = "nonsense"\n', '[history]\nformat = "markdown"\n'])
def test_a_format_that_is_wrong_for_its_command_is_refused(run: Run, home: Path, content: str):
    (home / "ocr-reconcile.toml").write_text(content)
    done = run("history", "-f", "../models.yaml")
    assert done.returncode == 64
    assert "'--format'" in done.stderr


def test_paths_in_a_file_are_relative_to_it(run: Run, home: Path):
    (home / "pyproject.toml").write_text('[tool.ocr-reconcile]\nfile = "models.yaml"\nmetrics-file = "plan.prom"\n')
    done = run("plan")
    assert (done.returncode, done.stderr) == (0, "")
    assert "demo" in done.stdout
    assert (home / "plan.prom").exists()


def test_the_nearest_file_wins_and_a_project_without_our_table_is_passed_by(run: Run, home: Path):
    (home / "ocr-reconcile.toml").write_text('wait = "1s"\n')
    (home / "below/pyproject.toml").write_text("[tool.other]\nx = 1\n")
    assert in_force(run)["apply", "wait"][0] == "1s"
    (home / "below/pyproject.toml").write_text('[tool.ocr-reconcile]\nwait = "2s"\n')
    assert in_force(run)["apply", "wait"][0] == "2s"
    (home / "below/ocr-reconcile.toml").write_text('wait = "3s"\n')
    assert in_force(run)["apply", "wait"][0] == "3s"


@pytest.mark.parametrize(
    "content",
    [
        "[ tool . ocr-reconcile ]\nwait = '2s'\n",
        "[tool.'ocr-reconcile']\nwait = '2s'\n",
        '["tool"."ocr-reconcile"]\nwait = "2s"\n',
        "[tool]\nocr-reconcile.wait = '2s'\n",
        "[ 'tool' ]\nocr-reconcile = {wait = '2s'}\n",
        "tool = {ocr-reconcile = {wait = '2s'}}\n",
        "tool.ocr-reconcile.wait = '2s'\n",
    ],
)
def test_the_table_of_a_project_is_found_however_it_is_written(run: Run, home: Path, content: str):
    (home / "pyproject.toml").write_text(content)
    assert in_force(run)["apply", "wait"] == ("2s", str(home / "pyproject.toml"))


def test_the_options_before_the_command_can_be_configured(run: Run, home: Path):
    (home / "ocr-reconcile.toml").write_text('file = "models.yaml"\nverbose = true\nlog-format = "json"\n')
    done = run("plan")
    assert done.returncode == 0
    assert {json.loads(line)["level"] for line in done.stderr.splitlines()} == {"debug"}
    assert in_force(run, "-v")["", "verbose"] == (True, "command line")


@pytest.mark.parametrize("flag", ["yes", "override", "accept-unknown", "run-handlers", "keep-going", "all", "models"])
@pytest.mark.parametrize("table", ["", "[apply]\n", "[purge]\n"])
def test_a_file_lifts_no_protection(run: Run, home: Path, flag: str, table: str):
    (home / "ocr-reconcile.toml").write_text(f"{table}{flag} = true\n")
    done = run("plan", "-f", "../models.yaml")
    assert done.returncode == 64
    assert flag in done.stderr
    assert done.stdout == ""


def test_what_a_file_may_set_is_a_closed_list():
    risky = {"yes", "override", "accept-unknown", "run-handlers", "keep-going", "all", "older-than", "python", "out"}
    assert not configuration.IN_FILES & risky
    context = click.Context(group)
    every = {
        configuration.flag_of(option) for _, command in configuration._commands(context) for option in command.params
    }
    assert every >= configuration.IN_FILES


def test_variables_may_say_yes_but_not_all(run: Run):
    found = in_force(run, OCR_RECONCILE_YES="1")
    assert found["apply", "yes"] == (True, "OCR_RECONCILE_YES")
    assert ("purge", "all") not in found
    assert ("history", "models") not in found
    assert ("show", "file") not in found


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("wait = [\n", "is not TOML"),
        ("nonsense = 1\n", "nonsense: no such option"),
        ("[nonsense]\nfile = 'x'\n", "[nonsense] is no command"),
        ("[audit]\nwait = '5s'\n", "[audit] wait: no such option"),
        ("wait = 1.5\n", "wait: must be a text"),
    ],
)
def test_a_file_that_is_wrong_is_named(run: Run, home: Path, content: str, told: str):
    (home / "ocr-reconcile.toml").write_text(content)
    done = run("config")
    assert done.returncode == 64
    assert f"{home}/ocr-reconcile.toml: " in done.stderr
    assert told in done.stderr


def test_a_file_that_everybody_may_write_is_believed_only_when_named(run: Run, home: Path):
    path = home / "ocr-reconcile.toml"
    path.write_text('wait = "9s"\n')
    path.chmod(0o666)
    done = run("config")
    assert done.returncode == 64
    assert "may be written by everybody" in done.stderr
    assert in_force(run, "--config", str(path))["apply", "wait"][0] == "9s"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_strangers_file_is_not_believed(run: Run, home: Path):
    path = home / "ocr-reconcile.toml"
    path.write_text('wait = "9s"\n')
    os.chown(path, 65534, 65534)
    assert "belongs to user 65534" in run("config").stderr


def test_a_named_file_that_is_not_there(run: Run):
    done = run("--config", "none.toml", "config")
    assert done.returncode == 64
    assert "none.toml" in done.stderr


def test_a_configured_manifest_is_not_forced_on_a_plan_file_or_paths(run: Run, home: Path):
    (home / "other.yaml").write_text(MANIFEST + SPEC.replace("a.gguf", "b.gguf"))
    assert run("plan", "-f", "../models.yaml", "--out", "plan.json").returncode == 0
    assert run("apply", "plan.json", OCR_RECONCILE_FILE="../other.yaml").returncode == 0
    assert run("holders", "../models", OCR_RECONCILE_FILE="../other.yaml").returncode == 0
