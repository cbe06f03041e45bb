"""Amounts as people write them: bytes (`20GiB`, `500MB`) and durations (`90s`, `2m`). Pure."""

from __future__ import annotations

import re

BYTE_UNITS = {
    "": 1,
    "b": 1,
    **{f"{prefix}b": 1000**power for power, prefix in enumerate("kmgtp", 1)},
    **{f"{prefix}ib": 1024**power for power, prefix in enumerate("kmgtp", 1)},
}
"""Factor of each unit, in lower case: `kB` counts in thousands, `KiB` in 1024s, as SI and IEC say."""

SECOND_UNITS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}

_AMOUNT = re.compile(r"([0-9]{1,20}(?:\.[0-9]{1,20})?) ?([A-Za-z]{0,3})", re.ASCII)


def parse_bytes(value: object) -> int:
    """Whole bytes of a number or of a text such as `20GiB`; ValueError if it is neither, or not whole."""
    amount = _parse(value, {unit: float(factor) for unit, factor in BYTE_UNITS.items()}, "20GiB, 500MB or 1048576")
    if isinstance(value, int):
        return value
    if amount != int(amount):
        raise ValueError(f"{value} is not a whole number of bytes")
    return int(amount)


def parse_seconds(value: object) -> float:
    """Seconds of a number or of a text such as `90s`; ValueError if it is neither."""
    return _parse(value, SECOND_UNITS, "60s, 2m or 1h")


def _parse(value: object, units: dict[str, float], examples: str) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    match = _AMOUNT.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"not an amount; write it like {examples}")
    number, unit = match.groups()
    if unit.lower() not in units:
        raise ValueError(f"unknown unit {unit!r}; write it like {examples}")
    return float(number) * units[unit.lower()]
