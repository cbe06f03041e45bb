from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.facts import DirectoryFacts, FileFacts
from reconciler.planning.plan import Origin, Plan
from reconciler.planning.verdicts import Decision, Verdict
from reconciler.report.bar import Segment, Space, allocated, cells, segments, write_bar


def plan(**sizes: int) -> Plan:
    """A plan of one model for each verdict named, with its allocated bytes."""
    decisions = tuple(
        Decision(f"{word}.gguf", Verdict(word), "", None, FileFacts(f"{word}.gguf", 1, inode, size, 0, 1, size), None)
        for inode, (word, size) in enumerate(sizes.items())
    )
    return Plan(Origin("", "", "", "", "", "", ""), DirectoryFacts("/m", 1, 1), decisions)


def test_the_parts_are_those_of_the_file_system():
    parts = segments(plan(keep=300, delete=200), Space(total=1000, free=100))
    assert [(part.name, part.size) for part in parts] == [("current", 300), ("old", 200), ("other", 400), ("free", 100)]


def test_hard_links_count_once():
    file = FileFacts("a", 1, 7, 100, 0, 2, 4096)
    twice = [Decision(name, Verdict.KEEP, "", None, file._replace(name=name), None) for name in ("a", "b")]
    assert allocated(Plan(plan().origin, plan().directory, tuple(twice))) == {Verdict.KEEP: 4096}


@given(sizes=st.lists(st.integers(1, 10**15), min_size=1, max_size=8), width=st.integers(8, 300))
def test_every_part_shows_and_the_bar_is_as_wide_as_asked(sizes: list[int], width: int):
    parts = [Segment("x", "", "red", size) for size in sizes]
    given_ = cells(parts, width)
    assert sum(given_) == width
    assert min(given_) >= 1 or width < 2 * len(sizes)


def test_without_colour_the_letters_tell():
    stream = io.StringIO()
    write_bar(plan(keep=500, delete=250), Space(1000, 250), stream, width=22, colour=False)
    assert stream.getvalue().splitlines()[1:] == [
        "[##########xxxxx.....]",
        "  #  current          500 B   50.0 %",
        "  x  old              250 B   25.0 %",
        "  .  free             250 B   25.0 %",
    ]


def test_an_empty_file_system_that_tells_nothing_has_no_bar():
    stream = io.StringIO()
    write_bar(plan(), Space(0, 0), stream, width=40, colour=False)
    assert stream.getvalue() == ""


@pytest.mark.parametrize(("environment", "colour"), [({"NO_COLOR": "1"}, False), ({"TERM": "xterm"}, True)])
def test_audit_shows_it_on_a_terminal(tmp_path: Path, environment: dict[str, str], colour: bool):
    (tmp_path / "models").mkdir()
    (tmp_path / "models/a.gguf").write_bytes(b"x" * 100_000)
    (tmp_path / "m.yaml").write_text(
        "apiVersion: ocr-reconcile/v1\nkind: ModelSet\nmetadata: {name: demo}\n"
        "spec: {modelPath: models, discovery: [directory], allow: [a.gguf]}\n"
    )
    shown = on_a_terminal(["audit", "-f", "m.yaml"], tmp_path, environment)
    assert "current" in shown
    assert " free " in shown
    assert ("\x1b[32m#" in shown) is colour
    assert ("\x1b" in shown) is colour
    piped = subprocess.run(
        [sys.executable, "-m", "reconciler", "audit", "-f", "m.yaml"], cwd=tmp_path, capture_output=True, check=True
    )
    assert b" free " not in piped.stdout


def on_a_terminal(arguments: list[str], directory: Path, environment: dict[str, str]) -> str:
    """What the command prints on a pseudo-terminal."""
    ours, theirs = pty.openpty()
    clean = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "TERM"}}
    command = [sys.executable, "-m", "reconciler", *arguments]
    process = subprocess.Popen(command, cwd=directory, stdout=theirs, env={**clean, **environment})
    os.close(theirs)
    shown = b""
    try:
        while chunk := os.read(ours, 4096):
            shown += chunk
    except OSError:
        pass  # Linux says EIO when the other side is closed
    os.close(ours)
    assert process.wait() == 0
    return shown.decode()
