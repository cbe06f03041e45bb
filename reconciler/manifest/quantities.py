"""Amounts as people write them: bytes (`20GiB`, `500MB`) and durations (`90s`, `2m`). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

BYTE_UNITS: Mapping[str, int] = {
    "": 1,
    "b": 1,
    **{f"{prefix}b": 1000**power for power, prefix in enumerate("kmgtp", 1)},
    **{f"{prefix}ib": 1024**power for power, prefix in enumerate("kmgtp", 1)},
}
"""Factor of each unit, in lower case: `kB` counts in thousands, `KiB` in 1024s, as SI and IEC say."""

SECOND_UNITS: Mapping[str, float] = {"": 1, "ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}

_AMOUNT = re.compile(r"([0-9]{1,20}(?:\.[0-9]{1,20})?) ?([A-Za-z]{0,3})", re.ASCII)


def parse_bytes(value: object) -> int:
    """Whole bytes of a number or of a text such as `20GiB`; ValueError if it is neither, or not whole."""
    digits, unit = _split(value, BYTE_UNITS, "20GiB, 500MB or 1048576")
    whole, _, fraction = digits.partition(".")
    # In integers: byte counts beyond 2**53 do not survive a float.
    scale = int("1" + "0" * len(fraction))
    amount, rest = divmod(int(whole + fraction) * BYTE_UNITS[unit], scale)
    if rest:
        raise ValueError(f"{value} is not a whole number of bytes")
    return amount


def parse_seconds(value: object) -> float:
    """Seconds of a number or of a text such as `90s`; ValueError if it is neither."""
    digits, unit = _split(value, SECOND_UNITS, "60s, 2m or 1h")
    return float(digits) * SECOND_UNITS[unit]


def _split(value: object, units: Iterable[str], examples: str) -> tuple[str, str]:
    """The digits of an amount and its unit in lower case, one of `units`."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        value = str(value)
    match = _AMOUNT.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"not an amount; write it like {examples}")
    digits, unit = match[1], match[2].lower()
    if unit not in units:
        raise ValueError(f"unknown unit `{match[2]}`; write it like {examples}")
    return digits, unit
