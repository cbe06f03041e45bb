"""On a pseudo-terminal: colours where they are wanted, and progress that does not disturb."""

from __future__ import annotations

import os
import pty
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from tests.cli.conftest import COMMAND, environment


def on_terminal(directory: Path, *arguments: str, **env: str) -> tuple[int, str]:
    """Exit code, and what a terminal of 120 columns was sent on standard output and error."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*COMMAND, *arguments], cwd=directory, env=environment(**{"TERM": "xterm-256color", "COLUMNS": "120", **env}),
        stdin=theirs, stdout=theirs, stderr=theirs,
    ) as process:  # fmt: skip
        os.close(theirs)
        shown = b""
        with suppress(OSError):  # EIO: the last who had the other end open is gone
            while chunk := os.read(ours, 65536):
                shown += chunk
    os.close(ours)
    return process.returncode, shown.decode()


@pytest.mark.parametrize("command", ["plan", "audit"])
def test_a_table_is_coloured(site: Path, command: str) -> None:
    code, shown = on_terminal(site, command, "-f", "models.yaml")
    assert code == 0
    assert "\x1b[31mOLD" in shown
    assert "old_fr.bin" in shown


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_a_table_is_plain_where_no_colour_is_wanted(site: Path, env: dict[str, str]) -> None:
    code, shown = on_terminal(site, "plan", "-f", "models.yaml", **env)
    assert code == 0
    assert "\x1b" not in shown
    assert "OLD      5 B      5  old_fr.bin  no rule allows it" in shown


def test_an_empty_no_color_means_nothing(site: Path) -> None:
    assert "\x1b[31m" in on_terminal(site, "plan", "-f", "models.yaml", NO_COLOR="")[1]


def test_json_is_never_coloured(site: Path) -> None:
    assert "\x1b" not in on_terminal(site, "plan", "-f", "models.yaml", "--format", "json")[1]


def test_hostile_names_do_not_reach_the_terminal(site: Path) -> None:
    (site / "models" / "evil\x1b[2J\x9b\n.bin").touch()
    shown = on_terminal(site, "audit", "-f", "models.yaml")[1]
    assert "\x1b[2J" not in shown
    assert "\x9b" not in shown
    assert r"evil\x1b[2J\x9b\n.bin" in shown


def test_progress_is_shown_after_a_while_and_wiped(site: Path) -> None:
    slow = site / "slow-python"
    slow.write_text("#!/bin/sh\nsleep 1.5\nexit 3\n")
    slow.chmod(0o755)
    text = (site / "models.yaml").read_text().replace("discovery: [directory]", "engine: {python: ./slow-python}")
    (site / "models.yaml").write_text(text)
    code, shown = on_terminal(site, "plan", "-f", "models.yaml")
    assert code == 8
    before, after = shown.split("error: ")
    assert "asking the engine …" in before
    assert before.endswith("\r\x1b[2K")
    assert "\x1b" not in after
