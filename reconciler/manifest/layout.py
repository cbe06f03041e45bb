"""Where everything in the text of a manifest begins and ends: what edits of the text need.

Unlike a Document this keeps aliases, styles and ends; it is read for editing only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from reconciler.manifest.document import no_garbage_collection

BREAKS = "\r\n\x85\u2028\u2029"
"""What ends a line in YAML."""


@dataclass(slots=True)
class Node:
    """A piece of the text: `start` and `end` are indices of characters, `column` counts from 0.

    `children` are the values of a sequence; of a mapping, keys and values in turn. A block collection ends where
    its last value ends; an alias is a scalar here, `value` being the text of a scalar.
    """

    kind: str
    start: int
    end: int
    column: int
    block: bool = False
    value: str = ""
    children: list[Node] = field(default_factory=list)

    def pairs(self) -> Iterator[tuple[Node, Node]]:
        """Keys and values of a mapping."""
        return zip(self.children[::2], self.children[1::2], strict=True)

    def get(self, key: str) -> Node | None:
        """The value of a key; None if this is no mapping or has no such key."""
        if self.kind != "mapping":
            return None
        return next((value for name, value in self.pairs() if name.value == key), None)


def documents_of(text: str) -> list[Node]:
    """The root of each document of a text that is valid YAML and has no byte order mark."""
    events = YAML(typ="safe").parse(text.encode())
    with no_garbage_collection():
        return [_node(next(events), events, text) for event in events if type(event) is DocumentStartEvent]


def _node(event: Any, events: Iterator[Any], text: str) -> Node:
    start, column = event.start_mark.index, event.start_mark.column
    kind = type(event)
    if kind is AliasEvent:
        return Node("alias", start, event.end_mark.index, column)
    if kind is ScalarEvent:
        block = event.style in {"|", ">"}
        return Node("scalar", start, _scalar_end(event, text, block=block), column, block, event.value)
    is_mapping = kind is MappingStartEvent
    assert is_mapping or kind is SequenceStartEvent  # noqa: S101  # all that may begin a value
    node = Node("mapping" if is_mapping else "sequence", start, start, column, not event.flow_style)
    for inner in events:
        if type(inner) in {MappingEndEvent, SequenceEndEvent}:
            node.end = inner.end_mark.index if event.flow_style or not node.children else node.children[-1].end
            break
        node.children.append(_node(inner, events, text))
    return node


def _scalar_end(event: Any, text: str, *, block: bool) -> int:
    """Libyaml lets a block scalar end where the next thing begins; the lines after it are not its own."""
    end: int = event.end_mark.index
    if not block:
        return end
    head = text[event.start_mark.index : line_end(text, event.start_mark.index)].partition("#")[0]
    if "+" in head:  # blank lines are part of the text
        return max(end - 1, 0)
    while text[end - 1] in BREAKS or text[end - 1] == " ":
        end -= 1
    return end


def line_start(text: str, index: int) -> int:
    """Where the line of a character begins."""
    while index and text[index - 1] not in BREAKS:
        index -= 1
    return index


def line_end(text: str, index: int) -> int:
    """Where the line of a character ends, before what ends it."""
    while index < len(text) and text[index] not in BREAKS:
        index += 1
    return index
