"""The verdicts on pairs of policy and inventory are those in `golden/`."""

from __future__ import annotations

from typing import Any

import pytest

from tests.planning.golden import cases, verdicts

CASES = list(cases())


@pytest.mark.parametrize("case", [case for _, case in CASES], ids=[name for name, _ in CASES])
def test_verdicts(case: dict[str, Any]) -> None:
    assert verdicts(case) == case["verdicts"]


def test_there_are_enough_of_them() -> None:
    assert len(CASES) >= 60
    assert len({name for name, _ in CASES}) == len(CASES)
