"""Markdown for a comment in a pull or merge request, and for a step summary.

What a name could do to a page is what GitHub and GitLab do to a comment: everything that comes from outside stands
in a code span, where neither renders anything, unless it is plain words.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import IO
from urllib.parse import quote

from reconciler.names import Shown, printable
from reconciler.quantities import human_size, plural
from reconciler.report.issues import Finding
from reconciler.report.rows import Remark, Row, Sheet, Weight

LARGEST = 65_536
"""What GitHub takes as a comment, in characters; counted here as bytes of UTF-8, which are never fewer."""

_LONGEST = 2_500
"""Characters of one cell. No model's name is longer, even escaped; texts in a forged plan file can be."""

_RESERVE = 400
"""Bytes kept free for the heading of a list, and for the line that counts what does not fit."""

_LISTS = 6
"""As many as a page has at most."""

_PIPE = "\\|"

_PLAIN = re.compile(r"(?i)(?!.*\b(?:www\.|gh-))[a-z](?:[a-z0-9 ,;()'-]|(?<=\w)_(?=\w)|(?<=\w)\.(?=\w| |$)|:(?= ))*")
"""Words that Markdown leaves as they are: no markup, no link, no mention, no emoji, no reference to an issue."""


def write_markdown(sheet: Sheet, stream: IO[str], *, artifact: str = "") -> None:
    """The page of `sheet`; `artifact` names the file that has what does not fit, the plan file as a rule."""
    where = f"see {code(os.path.basename(artifact))}" if artifact else "see the JSON output"
    page = _Page(f"{marker(sheet.name)}\n**{prose(sheet.headline)}**", _RESERVE + _size(where))
    blocking = [remark for remark in sheet.remarks if remark.blocks]
    page.fill("", [f"> - {_remark(remark)}" for remark in blocking], lambda rest: f"> - {rest:,} more: {where}")
    for weight, heading in _headings(sheet):
        rows = [row for row in sheet.rows if row.weight is weight]
        page.fill(heading, map(_cells, rows), _counted(rows, where))
    told = [remark for remark in sheet.remarks if not remark.blocks]
    page.fold(plural(len(told), "remark"), "", [f"- {_remark(r)}" for r in told], lambda rest: f"- {rest:,} more")
    rest = [row for row in sheet.rows if row.weight is Weight.REST]
    page.fold(f"{plural(len(rest), 'model')} unchanged", _table("Unchanged"), map(_cells, rest), _counted(rest, where))
    facts = [_line(prose(key), code(value)) for key, value in sheet.facts.items()]
    page.fold("Details", "| | |\n| --- | --- |", facts, lambda rest: f"{rest:,} more: {where}")
    stream.write(page.text())


def write_findings(findings: Sequence[Finding], stream: IO[str]) -> None:
    """Every fault and warning of manifests with its place."""
    faults = sum(finding.severity == "error" for finding in findings)
    told = f", {plural(len(findings) - faults, 'warning')}" if faults < len(findings) else ""
    page = _Page(f"{marker('validate')}\n**{plural(faults, 'fault') if faults else 'Valid'}{told}**")
    lines = [
        _line(code(str(f.issue.place)), f.severity, prose(f.issue.what), prose(f.issue.remedy or "-")) for f in findings
    ]
    head = "| Place | Severity | What | What to do |\n| --- | --- | --- | --- |"
    page.fill(head, lines, lambda rest: f"{rest:,} more")
    stream.write(page.text())


def write_failure(name: str, outcome: str, message: Shown, stream: IO[str]) -> None:
    """In the place of a page that could not be made: what went wrong, so that no older page stays in force."""
    page = _Page(f"{marker(name)}\n**Failed: {outcome}**")
    lines = [f"- {code(Shown(line.strip()))}" for line in message.splitlines()]
    page.fill("", lines, lambda rest: f"- {rest:,} more: see the log")
    stream.write(page.text())


def marker(name: str) -> str:
    """A comment that nobody sees, by which the one sticky comment of a manifest is found again."""
    safe = quote(printable(name), safe="").replace("--", "-%2D")
    return f"<!-- ocr-reconcile:{safe[:200]} -->"


def code(text: str) -> str:
    """`text` in a code span that shows it as it is."""
    safe = _clipped(printable(text))
    longest = max(map(len, re.findall("`+", safe)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if safe.startswith(("`", " ")) or safe.endswith(("`", " ")) else ""
    return f"{fence}{pad}{safe}{pad}{fence}" if safe.strip(" ") else "(blank)" if safe else "(empty)"


def prose(text: str) -> str:
    """`text` as it is where it is plain words, else in a code span."""
    return text if len(text) <= _LONGEST and _PLAIN.fullmatch(text) else code(text)


def _clipped(text: str) -> str:
    left = len(text) - _LONGEST
    return text if left <= 0 else f"{text[:_LONGEST]}… ({left:,} characters more)"


def _headings(sheet: Sheet) -> Iterator[tuple[Weight, str]]:
    yield Weight.CHANGE, _table("Removed" if sheet.done else "To be deleted")
    yield Weight.TROUBLE, _table("To be looked at")


def _table(heading: str) -> str:
    return f"| {heading} | Status | Size | Bytes | Why | Manifest |\n| --- | --- | ---: | ---: | --- | --- |"


def _cells(row: Row) -> str:
    sizes = ("-", "-") if row.size is None else (human_size(row.size), f"{row.size:,}")
    place = code(str(row.place)) if row.place else "-"
    return _line(code(row.name), row.status, *sizes, prose(row.why) if row.why else "-", place)


def _line(*cells: str) -> str:
    """A row of a table, in which a pipe is escaped even inside of code."""
    return f"| {' | '.join(cell.replace('|', _PIPE) for cell in cells)} |"


def _counted(rows: Sequence[Row], where: str) -> Callable[[int], str]:
    def tell(rest: int) -> str:
        size = human_size(sum(row.size or 0 for row in rows[-rest:]))
        return f"**{rest:,} more ({size}) do not fit in here: {where}**"

    return tell


def _remark(remark: Remark) -> str:
    return f"{code(str(remark.place))}: {prose(remark.text)}" if remark.place else prose(remark.text)


class _Page:
    """Parts with a blank line between them, as many of their lines as fit; what does not fit is counted."""

    def __init__(self, head: str, reserve: int = _RESERVE) -> None:
        self._parts = [head]
        self._left = LARGEST - _size(head) - _LISTS * reserve

    def fill(self, head: str, lines: Iterable[str], tell: Callable[[int], str]) -> None:
        """Add `lines` under `head`; `tell` gets the number of those that do not fit, and says so."""
        wanted = list(lines)
        if not wanted:
            return
        fitting = self._fitting(wanted)
        part = "\n".join(([head] if head else []) + wanted[:fitting])
        self._parts.append(part)
        if fitting < len(wanted):
            self._parts.append(tell(len(wanted) - fitting))

    def fold(self, title: str, head: str, lines: Iterable[str], tell: Callable[[int], str]) -> None:
        """The same, folded away under `title`."""
        before = len(self._parts)
        self.fill(head, lines, tell)
        if len(self._parts) > before:
            self._parts[before] = f"<details><summary>{title}</summary>\n\n{self._parts[before]}"
            self._parts[-1] += "\n\n</details>"

    def _fitting(self, lines: Sequence[str]) -> int:
        for number, line in enumerate(lines):
            size = _size(line) + 1
            if size > self._left:
                return number
            self._left -= size
        return len(lines)

    def text(self) -> str:
        """The page."""
        return "\n\n".join(self._parts) + "\n"


def _size(text: str) -> int:
    return len(text.encode())
