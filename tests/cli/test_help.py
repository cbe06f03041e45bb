"""Help, start-up and completion: what a newcomer meets first."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import click
import pytest

import reconciler.cli
from reconciler import __version__
from reconciler.cli import _COMMANDS, group
from tests.cli.conftest import COMMAND, Run, environment

HEAVY = ("pydantic", "deepdiff", "rich", "ruamel", "psutil", "asyncio", "subprocess")


def test_the_overview_is_that_of_the_command_files() -> None:
    directory = os.path.dirname(reconciler.cli.__file__)
    files = {name.removesuffix("_command.py") for name in os.listdir(directory) if name.endswith("_command.py")}
    assert files == set(_COMMANDS)
    for name in _COMMANDS:
        assert isinstance(import_module(f"reconciler.cli.{name}_command").command, click.Command)


@pytest.mark.parametrize("name", list(_COMMANDS))
def test_asking_for_a_command_twice_gives_the_same_help(name: str) -> None:
    context = click.Context(group)
    helps = [
        command.help for command in (group.get_command(context, name), group.get_command(context, name)) if command
    ]
    assert helps[0] == helps[1]
    assert (helps[0] or "").startswith(_COMMANDS[name])


@pytest.mark.parametrize("flag", ["--help", "-h"])
@pytest.mark.parametrize("command", ["", *_COMMANDS])
def test_help_has_examples(run: Run, command: str, flag: str) -> None:
    done = run(*filter(None, [command]), flag)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Examples:" in done.stdout
    assert f"ocr-reconcile {command}" in done.stdout.split("Examples:")[1]
    assert _COMMANDS.get(command, "Keep OCR model files") in done.stdout


def test_version(run: Run) -> None:
    for flag in ("--version", "-V"):
        assert run(flag).stdout == f"ocr-reconcile, version {__version__}\n"


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], *([name, "--help"] for name in _COMMANDS)])
def test_help_imports_nothing_of_weight(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom reconciler.cli import main\n"
        "try: main()\n"
        f"except SystemExit: print(sorted(set({HEAVY!r}) & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"


def test_the_installed_script_is_the_same_command() -> None:
    script = Path(sys.executable).with_name("ocr-reconcile")
    done = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"ocr-reconcile, version {__version__}\n"


class TestCompletion:
    @pytest.mark.parametrize(("shell", "hook"), [("bash", "complete -o"), ("zsh", "#compdef"), ("fish", "complete ")])
    def test_scripts(self, run: Run, shell: str, hook: str) -> None:
        done = run("completion", shell)
        assert (done.returncode, done.stderr) == (0, "")
        assert hook in done.stdout
        assert "_OCR_RECONCILE_COMPLETE" in done.stdout

    @pytest.mark.parametrize(
        ("typed", "offered"),
        [
            (["pl"], {"plan"}),
            ([""], set(_COMMANDS)),
            (["plan", "--det"], {"--detailed-exitcode"}),
            (["plan", "--format", ""], {"text", "json", "markdown", "github", "gitlab"}),
            (["completion", "z"], {"zsh"}),
        ],
    )
    def test_a_real_bash_completes(self, typed: list[str], offered: set[str]) -> None:
        words = " ".join(f"'{word}'" for word in ["ocr-reconcile", *typed])
        script = (
            'eval "$(ocr-reconcile completion bash)"\n'
            f"COMP_WORDS=({words}); COMP_CWORD={len(typed)}\n"
            f"$(complete -p ocr-reconcile | sed 's/.*-F \\([^ ]*\\).*/\\1/') ocr-reconcile\n"
            'printf "%s\\n" "${COMPREPLY[@]}"'
        )
        path = f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "--norc", "-c", script], env=environment(PATH=path), capture_output=True, text=True, check=True
        )
        assert (set(done.stdout.split()), done.stderr) == (offered, "")


def test_the_layers_hold() -> None:
    root = Path(reconciler.cli.__file__).parent.parent.parent
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_plugin_of_pydantic_has_a_say(tmp_path: Path) -> None:
    """Not for safety, but for time: to look for one reads the metadata of every package that is installed."""
    (tmp_path / "meddling.py").write_text("raise SystemExit('a plugin was loaded')\n")
    metadata = tmp_path / "meddling-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: meddling\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[pydantic]\nmeddling = meddling:plugin\n")
    (tmp_path / "models.yaml").write_text(
        "apiVersion: ocr-reconcile/v1\nkind: ModelSet\nmetadata: {name: x}\nspec: {allow: [a.bin]}\n"
    )
    by_itself = [sys.executable, "-c", "import reconciler.manifest.loader as l; l.load_manifest('models.yaml')"]
    for command, told in (([*COMMAND, "validate", "models.yaml"], ""), (by_itself, "a plugin was loaded\n")):
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env=environment(PYTHONPATH=str(tmp_path)),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stderr == told
