"""Sizes and counts in words."""

from __future__ import annotations

import pytest

from reconciler.quantities import both_sizes, human_size, plural


@pytest.mark.parametrize(
    ("size", "human", "both"),
    [
        (0, "0 B", "0 bytes"),
        (1, "1 B", "1 byte"),
        (1023, "1023 B", "1,023 bytes"),
        (1024, "1.0 KiB", "1.0 KiB (1,024 bytes)"),
        (3 * 2**20, "3.0 MiB", "3.0 MiB (3,145,728 bytes)"),
        (2**63 - 1, "8.0 EiB", "8.0 EiB (9,223,372,036,854,775,807 bytes)"),
    ],
)
def test_sizes(size: int, human: str, both: str) -> None:
    assert human_size(size) == human
    assert both_sizes(size) == both


def test_counts() -> None:
    assert [plural(count, "model") for count in (0, 1, 2, 1000)] == ["0 models", "1 model", "2 models", "1,000 models"]
