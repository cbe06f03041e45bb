"""The one layout of manifests: keys in the order of the reference, two columns a level, comments kept.

Works on the text: the lines of an entry move and shift as they are, with the comments above them, so quoting,
anchors and flow style stay as they were written.
"""

from __future__ import annotations

from reconciler.errors import UsageError
from reconciler.manifest.document import parse_all
from reconciler.manifest.edit import BOM
from reconciler.manifest.layout import Node, documents_of, line_end, line_start
from reconciler.manifest.wording import Path, ordered_keys
from reconciler.names import printable


def formatted(data: bytes, file: str) -> bytes:
    """The bytes of a file of manifests in the one layout; ManifestError if they are not YAML.

    UsageError where the layout cannot be changed without changing what is said.
    """
    text = data.decode().removeprefix(BOM).replace("\r\n", "\n")
    before = [document.root for document in parse_all(data, file)]
    result = _Formatter(text).run().encode()
    if [document.root for document in parse_all(result, file)] != before:
        raise UsageError(f"{printable(file)}: its layout cannot be changed safely; lay it out by hand")
    return result


_KEPT = "\0"
"""Stands for a blank line that must stay; no YAML holds this character."""


class _Formatter:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0  # what is before is done

    def run(self) -> str:
        lines: list[str] = []
        for root in documents_of(self._text):
            if root.block and root.kind != "scalar":
                first = line_start(self._text, root.start)
                lines += _stripped(self._text[self._at : first])
                self._at = first
                lines += self._block(root, ())
            else:
                lines += self._verbatim(root)
        lines += _stripped(self._text[self._at :])
        return "\n".join("" if line.strip(" ") == _KEPT else line for line in _without_blank_runs(lines)) + "\n"

    def _verbatim(self, node: Node) -> list[str]:
        end = line_end(self._text, node.end)
        piece = self._text[self._at : end]
        self._at = min(end + 1, len(self._text))
        return piece.split("\n")

    def _block(self, node: Node, path: Path) -> list[str]:
        """The lines of a block collection, its own column being 0; begins at `_at`, which is at or before it."""
        entries = []
        if node.kind == "sequence":
            for index, item in enumerate(node.children):
                entries.append(self._item(item, (*path, index)))
            return [line for entry in entries for line in entry]
        order = ordered_keys(path)
        names = []
        for key, value in node.pairs():
            entries.append(self._entry(key, value, (*path, key.value)))
            names.append(order.index(key.value) if key.value in order else len(order))
        ranked = sorted(range(len(entries)), key=lambda index: (names[index], index))
        return [line for index in ranked for line in entries[index]]

    def _entry(self, key: Node, value: Node, path: Path) -> list[str]:
        head_end = line_end(self._text, key.end)
        if value.kind in {"alias", "scalar"} or not value.block or value.start <= head_end:
            nested = value.kind in {"mapping", "sequence"} and value.block
            if not nested:
                return self._shifted(key.start, key.column, value)
        comments = self._gap(line_start(self._text, key.start), key.start)
        head = self._text[key.start : head_end].rstrip()
        self._at = min(head_end + 1, len(self._text))
        below = self._block(value, path)
        return [*comments, head, *("  " + line if line else line for line in below)]

    def _item(self, item: Node, path: Path) -> list[str]:
        dash = self._dash(item)
        column = dash - line_start(self._text, dash)
        on_dash_line = not self._text[dash + 1 : item.start].strip(" ")
        if item.kind not in {"mapping", "sequence"} or not item.block or not on_dash_line:
            return self._shifted(dash, column, item)
        first = item.children[0] if item.children else item
        if first.start != item.start:  # an anchor or a tag stands before
            return self._shifted(dash, column, item)
        comments = self._gap(line_start(self._text, dash), dash)
        self._at = item.start
        first_line, *others = self._block(item, path)
        return [*comments, "- " + first_line, *("  " + line if line else line for line in others)]

    def _dash(self, item: Node) -> int:
        """The `-` of an item, after which only blanks and comments come before the item."""
        index = self._at
        while True:
            line = self._text[index : line_end(self._text, index)]
            if line.lstrip(" ").startswith("-"):
                return index + len(line) - len(line.lstrip(" "))
            index += len(line) + 1
            assert index <= item.start  # noqa: S101  # an item has a dash

    def _shifted(self, start: int, column: int, value: Node) -> list[str]:
        """The lines of an entry as they are, moved to column 0."""
        comments = self._gap(line_start(self._text, start), start)
        end = line_end(self._text, value.end)
        first, *others = self._text[start:end].split("\n")
        self._at = min(end + 1, len(self._text))
        moved = [line[column:] if not line[:column].strip(" ") else line.lstrip(" ") for line in others]
        if value.kind == "scalar" and others:  # blanks and blank lines are part of the text
            return [*comments, first, *(line or _KEPT for line in moved)]
        return [*comments, *(line.rstrip() for line in [first, *moved])]

    def _gap(self, end: int, start: int) -> list[str]:
        """Comments and blank lines since the last entry, at column 0."""
        lines = _stripped(self._text[self._at : end]) if end > self._at else []
        self._at = start
        return lines


def _stripped(text: str) -> list[str]:
    return [line.strip(" \t") for line in text.split("\n")[: -1 if text.endswith("\n") else None]] if text else []


def _without_blank_runs(lines: list[str]) -> list[str]:
    kept: list[str] = []
    for line in lines:
        if line or (kept and kept[-1]):
            kept.append(line)
    while kept and not kept[-1]:
        kept.pop()
    return kept
