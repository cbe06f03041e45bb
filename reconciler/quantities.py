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
