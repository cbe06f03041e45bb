"""Sizes and counts in words. Pure."""

from __future__ import annotations

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")


def human_size(size: int) -> str:
    """`size` in bytes with a binary unit and one decimal: `3.0 MiB`."""
    value = float(size)
    for unit in _UNITS:
        if abs(value) < 1024 or unit == _UNITS[-1]:
            break
        value /= 1024
    return f"{size} B" if unit == "B" else f"{value:.1f} {unit}"


def both_sizes(size: int) -> str:
    """`3.0 MiB (3,145,728 bytes)`."""
    return f"{human_size(size)} ({size:,} bytes)" if size >= 1024 else plural(size, "byte")


def plural(count: int, noun: str) -> str:
    """`1 model`, `2 models`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def human_duration(seconds: float) -> str:
    """The two largest units that matter: `2 days 3 hours`, `5 minutes`, `0 seconds`."""
    left, told = int(seconds), []
    for length, noun in ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        count, left = divmod(left, length)
        if count:
            told.append(plural(count, noun))
        if told and (len(told) == 2 or not count):
            break
    return " ".join(told) or "0 seconds"
