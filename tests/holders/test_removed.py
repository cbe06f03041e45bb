"""Who keeps a file that has no name any more."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.facts import FileFacts
from reconciler.holders import keepers
from tests.holders.conftest import WAYS, Start

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only /proc shows files without a name")


@pytest.mark.parametrize("way", ["read", "mapping"])
def test_a_removed_file_that_is_kept(way: str, room: Path, model: Callable[..., FileFacts], start: Start) -> None:
    files = [model("old\x1b.bin"), model("other.bin")]
    process = start(room / files[0].name, WAYS[way])
    (room / files[0].name).unlink()
    (line,) = keepers(files)
    assert line.startswith(f"old\\x1b.bin: is kept until it ends by pid {process.pid} ")


def test_a_long_list_ends(room: Path, model: Callable[..., FileFacts], start: Start) -> None:
    files = [model(f"{number}.bin") for number in range(25)]
    start(room, "held = [open(os.path.join(path, name)) for name in os.listdir(path)]")
    assert keepers(files)[20:] == ["and 5 more"]
