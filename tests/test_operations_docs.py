"""What the pages for operators say is what the code does."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from reconciler import errors
from reconciler.cli import configuration
from reconciler.planning.guards import GUARDS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


def sources() -> str:
    """All source text with string literals that were split over lines joined again."""
    text = "\n".join(path.read_text() for path in (ROOT / "reconciler").rglob("*.py"))
    return re.sub(r'"\s*\n\s*f?"', "", text)


def quoted_messages() -> list[str]:
    rows = re.findall(
        r"^\| `([^`]+)`(?:, `([^`]+)`)? \|", (DOCS / "errors.md").read_text().split("## By exit code")[1], re.MULTILINE
    )
    told = [part.strip(" :;") for row in rows for cell in row if cell for part in cell.split("…")]
    return [part for part in told if len(part) > 8]


@pytest.mark.parametrize("message", quoted_messages())
def test_every_message_of_the_page_is_one_of_the_code(message: str):
    assert message in sources() or message in os.strerror(28) + "; repair that and run again" or message in GUARDS


def test_every_exit_code_and_guard_is_explained():
    page = (DOCS / "errors.md").read_text()
    codes = {
        error.exit_code for error in vars(errors).values() if isinstance(error, type) and hasattr(error, "exit_code")
    }
    assert {int(code) for code in re.findall(r"^### (\d+):", page, re.MULTILINE)} == codes
    assert all(f"`{guard}`" in page for guard in GUARDS)


def test_what_a_file_may_set_is_what_the_page_says():
    told = (DOCS / "operations.md").read_text().split("It may set ")[1].split(".\n")[0]
    assert set(re.findall(r"`([a-z-]+)`", told)) == configuration.IN_FILES


def test_every_metric_is_described():
    page = (DOCS / "operations.md").read_text()
    source = (ROOT / "reconciler/report/metrics.py").read_text()
    names = set(re.findall(r'show(?:_each)?\("(\w+)"', source)) | {"last_success_timestamp_seconds"}
    assert len(names) > 10
    assert not {name for name in names if f"`{name}" not in page}
