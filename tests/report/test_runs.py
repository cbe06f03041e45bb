"""What came free, in words that a person understands."""

from __future__ import annotations

import pytest

from reconciler.report.run_rows import came_free
from reconciler.transaction.result import Freed


@pytest.mark.parametrize(
    ("measured", "told"),
    [
        (4096, "4.0 KiB (4,096 bytes) came free"),
        (0, "nothing came free"),
        (-12_288, "nothing came free (others, or the journal, took more meanwhile)"),
    ],
)
def test_a_measure_below_zero_is_not_bytes_that_came_free(measured: int, told: str) -> None:
    assert came_free(Freed(1, 4096, measured)) == told
