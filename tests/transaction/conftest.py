from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World.make(tmp_path / "models")
