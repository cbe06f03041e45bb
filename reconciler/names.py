"""Names made fit to be shown. They come from disk and from YAML, and are hostile. Pure."""

from __future__ import annotations

import re

_UNSAFE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
"""Unicode categories that move the cursor, reorder text, hide, break lines, or stand for undecodable bytes."""


class Shown(str):
    """A message: its names are escaped already. `printable` leaves its backslashes, so that none is doubled."""

    __slots__ = ()


def printable(text: str) -> str:
    r"""`text` with everything escaped that could act on a terminal: `\n`, `\x1b`, `\u202e`, `\xff` for a raw byte.

    So is what a pipeline's runner takes for a command of its own in whatever is printed: GitHub's and Azure's `##[`
    and `##vso[` anywhere in a line, GitHub's `::` at its beginning. A backslash is doubled, so two different names
    never look the same.
    """
    if isinstance(text, Shown):
        return harmless(text)
    if is_plain(text):
        return text
    if not text.isascii() or not text.isprintable() or "\\" in text:
        text = "".join(map(_escaped, text))
    return _without_commands(text)


def is_plain(text: str) -> bool:
    """Whether there is nothing to escape: so for many texts, if it is so for all of them with spaces between."""
    safe = text.isascii() and text.isprintable()
    return safe and "\\" not in text and "##" not in text and "::" not in text


_COMMAND = re.compile(r"^(\s*):(?=:)", re.MULTILINE)


def _without_commands(text: str) -> str:
    return _COMMAND.sub(r"\1\\x3a", text.replace("##", "#\\x23"))


def harmless(text: str) -> str:
    """`text` with the same escaped, but backslashes and line ends left: for whole messages, once or twice.

    The names in them are printable already; what came from a journal or a library may not be.
    """
    return _without_commands("".join(c if c in "\\\n" else _escaped(c) for c in text))


def _escaped(character: str) -> str:
    if character == "\\":
        return "\\\\"
    if " " <= character <= "~":
        return character
    from unicodedata import category  # a library of its own, which few names need

    if category(character) not in _UNSAFE:
        return character
    point = ord(character)
    if 0xDC80 <= point <= 0xDCFF:
        return f"\\x{point - 0xDC00:02x}"  # PEP 383: the surrogate of an undecodable byte
    return character.encode("unicode_escape").decode()
