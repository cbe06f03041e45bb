"""Long runs of simple list items, taken out of a text before the YAML parser sees it.

Most of a large manifest are thousands of items that look alike, and the parser's events for them are most of the
time of reading it. Between two items of one block sequence, a line of the same indentation that begins with `- `
begins another item, and nothing in the texts that are let through here (letters, digits, `_./+@-` and single
spaces) means anything to YAML. So the first and the last item of a run are left to the parser, whatever stands
before and behind them; those between are split here, if the parser finds the first where and as it should be.
"""

from __future__ import annotations

import re
from typing import NamedTuple

FEWEST = 16
"""So many items are a run: the parser reads fewer as fast."""

_VALUE = r"[\w./][\w./+@-]*+(?: [\w./+@-]++)*+"
_PAIR = rf"(?!(?:null|true|false):)[a-z][a-zA-Z0-9]{{0,30}}+: {_VALUE}"
_FLOW = rf"\{{{_PAIR}(?:, {_PAIR})*+\}}"
_BLOCK = rf"(?:{_PAIR}(?:\n\1  {_PAIR})*+|{_VALUE})"
_ITEMS = "|".join(rf"{item}(?:\n\1- {item}){{{FEWEST - 1},}}+" for item in (_FLOW, _BLOCK))
_RUN = re.compile(rf"\n( *+)- (?:{_ITEMS})")


class Run(NamedTuple):
    """Items of a block sequence: a first one, and those that were taken out after it.

    `start` is the index of the first one's first character in the shortened text. An item is a flow mapping in a line,
    a text, or a block mapping, whose pairs are separated by `joint`.
    """

    start: int
    items: list[str]
    joint: str


def shortened(text: str) -> tuple[str, list[Run]]:
    """The text without all but the first and the last item of each run, and the runs in their order."""
    kept: list[str] = []
    runs: list[Run] = []
    end = length = 0
    for match in _RUN.finditer(text):
        separator = f"\n{match[1]}- "
        _, *items, last = match[0].split(separator)
        start = match.start() + len(separator)
        runs.append(Run(length + start - end, items, f"\n{match[1]}  "))
        kept.append(text[end : start + len(items[0])])
        length += len(kept[-1])
        end = match.end() - len(separator) - len(last)
    return "".join((*kept, text[end:])), runs
