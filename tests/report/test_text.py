"""Plans, audits and listings as people read them, against golden files.

Set UPDATE_GOLDEN=1 to write them anew, and read the difference.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from reconciler.facts import Inventory
from reconciler.manifest.manifest import Manifest
from reconciler.planning.plan import Plan
from reconciler.report.rows import summary
from reconciler.report.table import Column, Line, write_table
from reconciler.report.text import write_audit, write_inventory, write_plan
from tests.planning.build import file, inventory, manifest, plan

GOLDEN = Path(__file__).parent.parent / "golden"
HOSTILE = ("new\nline.bin", "\x1b[31mred\x1b[0m.bin", "raw\udcff.bin", "\u202egnp.bin", "back\\slash.bin")


def quickstart() -> Manifest:
    return manifest(
        allow=["en_ocr_v1.bin", {"name": "es_ocr_v1.bin", "size": 3145728}, "fr_ocr_v2.bin", {"match": "it_*"}],
        deny=[{"match": "old_*", "reason": "superseded in March"}],
        protect=["org_repo/*"],
        limits={"maxDeletions": 1, "maxDeletePercent": 20},
    )


def directory() -> Inventory:
    found = inventory(
        file("en_ocr_v1.bin", 2 * 2**20),
        file("es_ocr_v1.bin", 1024),
        file("fr-ocr-v2.bin", 3 * 2**20 + 1),
        file("old_fr_ocr_v1.bin", 5 * 2**30),
        file("org_repo/model.gguf", 7),
        file("README.md", 1),
        listed=frozenset({"org_repo/model.gguf"}),
        ghosts=("ghost.bin",),
        aliases={"latest.bin": "en_ocr_v1.bin"},
    )
    return replace(found, left_alone={"special": 1, "symlink": 2})


def hostile() -> Plan:
    wanted = manifest(allow=["evil\x1b[2J\n.bin", "fine.bin"])
    return plan(wanted, inventory("fine.bin", *HOSTILE, ghosts=("gh\x1bost.bin",), listed=frozenset()))


Writer = Callable[[io.StringIO], None]
WRITTEN: dict[str, Writer] = {
    "plan": lambda out: write_plan(plan(quickstart(), directory()), out, base="/srv", terminal=False),
    "plan_overridden": lambda out: write_plan(
        plan(quickstart(), directory(), "max-deletions"), out, base="/elsewhere", terminal=False
    ),
    "plan_nothing": lambda out: write_plan(
        plan(manifest(allow=["a.bin"]), inventory("a.bin")), out, base="/", terminal=False
    ),
    "plan_hostile": lambda out: write_plan(hostile(), out, base="/srv", terminal=False),
    "audit": lambda out: write_audit(plan(quickstart(), directory()), out, base="/srv", terminal=False),
    "audit_empty": lambda out: write_audit(plan(manifest(), inventory()), out, base="/srv", terminal=False),
    "audit_hostile": lambda out: write_audit(hostile(), out, base="/srv", terminal=False),
    "list": lambda out: write_inventory(directory(), out, base="/srv", terminal=False),
    "list_empty": lambda out: write_inventory(inventory(), out, base="/srv/models", terminal=False),
    "list_hostile": lambda out: write_inventory(
        inventory(*HOSTILE, ghosts=("gh\x1bost.bin",), aliases={"li\nnk": "raw\udcff.bin"}),
        out,
        base="/srv",
        terminal=False,
    ),
}


@pytest.mark.parametrize("name", list(WRITTEN))
def test_golden(name: str) -> None:
    out = io.StringIO()
    WRITTEN[name](out)
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(out.getvalue(), encoding="utf-8")
    assert out.getvalue() == path.read_text(encoding="utf-8")


def test_every_golden_file_is_used() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == set(WRITTEN)


@pytest.mark.parametrize("name", list(WRITTEN))
def test_nothing_but_line_ends_controls_the_terminal(name: str) -> None:
    out = io.StringIO()
    WRITTEN[name](out)
    assert all(character == "\n" or character.isprintable() for character in out.getvalue())


class Terminal(io.StringIO):
    """Says that it is a terminal, and keeps what it is shown."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    for name in ("NO_COLOR", "COLORTERM", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "200")
    assert Console(file=Terminal()).is_terminal
    return Terminal()


COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def test_a_terminal_gets_colours_of_ours_and_escaped_names(terminal: Terminal) -> None:
    write_audit(hostile(), terminal, base="/srv", terminal=True)
    shown = terminal.getvalue()
    assert "\x1b[31mOLD" in shown
    without = COLOUR.sub("", shown)
    assert all(character == "\n" or character.isprintable() for character in without)
    for name in (r"new\nline.bin", r"\x1b[31mred\x1b[0m.bin", r"raw\xff.bin", r"\u202egnp.bin", r"back\\slash.bin"):
        assert name in without


def test_a_terminal_takes_names_for_no_markup(terminal: Terminal) -> None:
    names = ("[bold]x[/bold].bin", "[/].bin", ":smile:.bin")
    write_inventory(inventory(*names), terminal, base="/srv", terminal=True)
    shown = COLOUR.sub("", terminal.getvalue())
    assert all(name in shown for name in names)


def test_a_narrow_terminal_folds_and_cuts_nothing(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    name = "".join(f"{number:03}" for number in range(83)) + ".bin"
    write_inventory(inventory(name), terminal, base="/srv", terminal=True)
    assert name in re.sub(r"\s+", "", COLOUR.sub("", terminal.getvalue()))


def test_summaries() -> None:
    assert summary(plan(manifest(), inventory())) == "Nothing to do: no models"
    assert summary(plan(manifest(allow=["a.bin"]), inventory("a.bin"))) == "Nothing to do: 1 current"
    one = plan(manifest(allow=["a.bin"]), inventory("a.bin", file("b.bin", 1)))
    assert summary(one) == "Plan: 1 to delete, 1 byte; 1 current, 1 old"


def test_wide_and_drawn_over_characters_keep_the_columns() -> None:
    stream = io.StringIO()
    lines = [Line(("文字.bin", "x")), Line(("e\u0301.bin", "x")), Line(("plain.bin", "x"))]
    write_table([Column("NAME"), Column("B")], lines, stream, terminal=False)
    assert stream.getvalue() == "NAME       B\n文字.bin   x\ne\u0301.bin      x\nplain.bin  x\n"
