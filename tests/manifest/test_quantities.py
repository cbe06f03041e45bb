from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.manifest.quantities import parse_bytes, parse_seconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (0, 0),
        (1048576, 2**20),
        (2**62 + 1, 2**62 + 1),
        ("1024", 1024),
        ("20GiB", 20 * 2**30),
        ("500MB", 500_000_000),
        ("1.5 GiB", 3 * 2**29),
        ("1kB", 1000),
        ("1KiB", 1024),
        ("2TB", 2 * 10**12),
        ("7 b", 7),
        ("9007199254740993", 2**53 + 1),
    ],
)
def test_bytes(text: object, expected: int) -> None:
    assert parse_bytes(text) == expected


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("20Gx", "unknown unit"),
        ("GiB", "not an amount"),
        ("-1", "not an amount"),
        ("", "not an amount"),
        ("1.0001kB", "whole"),
        ("1 GiB ", "not an amount"),
        ("\u0661GiB", "not an amount"),
        (True, "not an amount"),
        (None, "not an amount"),
        ([], "not an amount"),
        (1.5, "whole"),
        (math.inf, "not an amount"),
        (math.nan, "not an amount"),
    ],
)
def test_what_is_no_number_of_bytes(value: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_bytes(value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (5, 5.0),
        (0.5, 0.5),
        ("60s", 60.0),
        ("2m", 120.0),
        ("1.5h", 5400.0),
        ("250ms", 0.25),
        ("30", 30.0),
        ("1d", 86400.0),
    ],
)
def test_seconds(text: object, expected: float) -> None:
    assert parse_seconds(text) == expected


@pytest.mark.parametrize("value", ["2 weeks", "1m30s", "60 s s", False, None, {}])
def test_what_is_no_duration(value: object) -> None:
    with pytest.raises(ValueError, match=r"60s, 2m or 1h"):
        parse_seconds(value)


@given(st.integers(0, 2**63), st.sampled_from([("KiB", 2**10), ("MB", 10**6), ("GiB", 2**30), ("", 1)]))
def test_whole_amounts_are_exact(number: int, unit: tuple[str, int]) -> None:
    assert parse_bytes(f"{number}{unit[0]}") == number * unit[1]
