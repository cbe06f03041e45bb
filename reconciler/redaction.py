"""Secrets taken out of what is logged, printed and recorded. Pure.

Only what looks like one is found: credentials in addresses, values that are named like secrets, bearer tokens.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_HIDDEN = "***"
_NAMES = r"(?:token|secret|pass(?:wor[dt]|wd|phrase)|pwd|signature|sig|credentials?|api[_-]?key|access[_-]?key|auth)"
_ADDRESS = re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^\s/?#@]*(?:@[^\s/?#@]*)*@", re.IGNORECASE)
_QUERY = re.compile(rf"([?&;][\w.~-]*{_NAMES}[\w.~-]*=)[^\s&;#'\"]+", re.IGNORECASE)
_BEARER = re.compile(r"(\b(?:bearer|basic)\s+)[\w.~+/=-]{8,}", re.IGNORECASE)
_VALUE = r"(?!\*\*\*)(\"[^\"]*\"|'[^']*'|[^\s;&|'\"]+)"
_NAMED = re.compile(rf"((?<![\w.?&;-])[\w.-]*{_NAMES}=){_VALUE}", re.IGNORECASE)
_OPTION = re.compile(rf"((?<![\w-])--?(?:[\w.-]*[-_.])?{_NAMES}\s+){_VALUE}", re.IGNORECASE)
_HEADER = re.compile(rf"((?<![\w-])[\w-]+-{_NAMES}:\s*){_VALUE}", re.IGNORECASE)
_WHOLE = re.compile(rf"([\w.-]*{_NAMES}=).+", re.IGNORECASE | re.DOTALL)
_ALONE = re.compile(rf"--?(?:[\w.-]*[-_.])?{_NAMES}", re.IGNORECASE)


def redacted(text: str) -> str:
    """`text` without user and password of addresses, values that a secret's name stands before, bearer tokens."""
    if "://" in text:
        text = _ADDRESS.sub(rf"\1{_HIDDEN}@", text)
        text = _QUERY.sub(rf"\1{_HIDDEN}", text)
    for pattern in (_BEARER, _NAMED, _OPTION, _HEADER):
        text = pattern.sub(rf"\1{_HIDDEN}", text)
    return text


def redacted_command(arguments: Iterable[str]) -> str:
    """A command line with the same taken out. Each argument is known, so that a secret may have blanks in it."""
    return " ".join(_arguments(arguments))


def _arguments(arguments: Iterable[str]) -> Iterator[str]:
    secret = False
    for argument in arguments:
        whole = _WHOLE.fullmatch(argument)
        if secret and not argument.startswith("-"):
            yield _HIDDEN
        elif whole:
            yield whole[1] + _HIDDEN
        else:
            yield redacted(argument)
        secret = _ALONE.fullmatch(argument) is not None
