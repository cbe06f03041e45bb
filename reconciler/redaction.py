"""Secrets taken out of what is logged and recorded: credentials in addresses, and tokens in their queries. Pure."""

from __future__ import annotations

import re

_HIDDEN = "***"
_USER = re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^\s/?#@]*(?:@[^\s/?#@]*)*@", re.IGNORECASE)
_QUERY = re.compile(
    r"([?&;][\w.~-]*(?:token|secret|passw(?:or)?d|passwd|signature|sig|credential|api[_-]?key|access[_-]?key|auth)"
    r"[\w.~-]*=)[^\s&;#'\"]+",
    re.IGNORECASE,
)
_BEARER = re.compile(r"(\b(?:bearer|basic)\s+)[\w.~+/=-]{8,}", re.IGNORECASE)


def redacted(text: str) -> str:
    """`text` without user and password of addresses, values of query parameters that name a secret, bearer tokens."""
    if "://" in text:
        text = _USER.sub(rf"\1{_HIDDEN}@", text)
        text = _QUERY.sub(rf"\1{_HIDDEN}", text)
    return _BEARER.sub(rf"\1{_HIDDEN}", text)
