"""Names and texts such as an attacker, or a filesystem, would have them."""

from __future__ import annotations

from hypothesis import strategies as st

FRAGMENTS = (
    "\n", "\r\n", "\r", "\x1b[2J", "\u202e", "\u2028", "\u2066", "\udcff", "\t", " ", "  ", "\\", "\\|", "|", "||",
    "`", "``", "<img src=x onerror=alert(1)>", "</code>", "</details>", "<!--", "-->", "<script>", "&lt;", "&#124;",
    "@admin", "@org/team", "#1", "GH-1", "www.example.com", "https://example.com/", "a@example.com",
    "[x](javascript:alert(1))", "![x](//example.com)", "**", "__", "_", "~~", "$$", ":smile:", "- ", "1. ", "> ",
    "# ", "---", "===", "/close", "::error::", "::error file=x::", "::add-mask::", "##[add-mask]", "##vso[task.x]",
    "%0A", "%25", ",line=1", "::", "EOF", "a", "é", "模", ".bin", "{{", "${{ x }}",
)  # fmt: skip

_BYTES = st.binary(min_size=1, max_size=3).map(lambda raw: raw.decode(errors="surrogateescape"))

texts = st.lists(st.sampled_from(FRAGMENTS) | _BYTES, min_size=1, max_size=6).map("".join)
"""Any text, of the kind that breaks out of things."""


def _can_be_a_name(text: str) -> bool:
    try:
        encoded = text.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        return False
    parts = text.split("/")
    return "\0" not in text and len(encoded) < 250 and len(parts) < 3 and not {"", ".", ".."} & set(parts)


names = texts.map(lambda text: text.replace("//", "/").strip("/") + ".bin").filter(_can_be_a_name)
"""Names that a model can have on a Linux file system."""
