"""YAML from plain values, so that reading it gives the same values. Pure."""

from __future__ import annotations

import re
from typing import Any

from reconciler.manifest.document import resolve

_PLAIN = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./+@-]*(?: [A-Za-z0-9_./+@-]+)*", re.ASCII)


def scalar(value: object) -> str:
    """A scalar, quoted only where it has to be."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return str(value)
    if _PLAIN.fullmatch(value) and resolve(value) == value and not value.startswith(("---", "...")):
        return value
    return '"' + "".join(map(_escaped, value)) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    if character.isprintable():
        return character
    point = ord(character)
    return f"\\x{point:02x}" if point < 256 else f"\\u{point:04x}" if point < 65536 else f"\\U{point:08x}"


def flow(value: object) -> str:
    """A value in one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{scalar(key)}: {flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    return scalar(value)


def told(value: object) -> str:
    """A value in a sentence: a text as it is, what is not there in words, anything else as YAML writes it."""
    if isinstance(value, (bool, dict, list)):
        return flow(value)
    return "not set" if value is None else str(value)


def block(value: Any) -> list[str]:
    """A value in lines; collections in block style but for empty ones."""
    lines: list[str] = []
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            below = block(inner)
            nested = isinstance(inner, (dict, list)) and inner
            lines += [f"{scalar(key)}:", *("  " + line for line in below)] if nested else [f"{scalar(key)}: {below[0]}"]
    elif isinstance(value, list) and value:
        for item in value:
            first, *others = block(item)
            lines += ["- " + first, *("  " + line for line in others)]
    else:
        lines.append(flow(value))
    return lines
