"""Faults and warnings of manifests: with the line they are in, and for machines."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import IO

from reconciler.errors import Issue, Place, ReconcileError
from reconciler.names import printable

_WIDEST = 120


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault or a warning."""

    issue: Issue
    severity: str = "error"

    @property
    def text(self) -> str:
        """What is wrong, and what to do."""
        return f"{self.issue.what}; {self.issue.remedy}" if self.issue.remedy else self.issue.what


@dataclass(slots=True)
class Sources:
    """Lines of the files that findings are about; `read` may fail, and then there is no excerpt."""

    read: Callable[[str], bytes]
    _lines: dict[str, list[str]] = field(default_factory=dict)

    def line(self, place: Place) -> str | None:
        """The line of a place; None where it has none or it cannot be read any more."""
        if place.file not in self._lines:
            try:
                text = self.read(place.file).decode("utf-8-sig", "replace")
            except ReconcileError:  # the finding stands without its excerpt
                text = ""
            self._lines[place.file] = text.splitlines()
        lines = self._lines[place.file]
        return lines[place.line - 1] if 0 < place.line <= len(lines) else None


def write_findings(findings: Iterable[Finding], sources: Sources, stream: IO[str]) -> None:
    """Each finding with the line it is about, and a caret under the column."""
    for finding in findings:
        issue = finding.issue
        stream.write(f"{finding.severity}: {printable(str(issue))}\n")
        line = sources.line(issue.place)
        if line is not None:
            number = f"{issue.place.line:>5}"
            shown, caret = _excerpt(line, issue.place.column - 1)
            stream.write(f"{number} | {shown}\n{' ' * len(number)} | {' ' * caret}^\n")


def _excerpt(line: str, column: int) -> tuple[str, int]:
    """The part of a line around a column, made fit to be shown, and where the column is in it."""
    first = max(0, column - _WIDEST // 2)
    before = ("…" if first else "") + printable(line[first:column].replace("\t", " "))
    after = printable(line[column : first + _WIDEST].replace("\t", " "))
    return before + after + ("…" if len(line) > first + _WIDEST else ""), len(before)


def findings_document(findings: Iterable[Finding]) -> dict[str, object]:
    """Of `validate`: every fault with its place, and apart from them every warning."""
    found: dict[str, list[object]] = {"error": [], "warning": []}
    for finding in findings:
        issue = finding.issue
        found[finding.severity].append({**issue.place._asdict(), "what": issue.what, "remedy": issue.remedy})
    outcome = "manifest-invalid" if found["error"] else "valid"
    return {"format_version": "1.0", "outcome": outcome, "issues": found["error"], "warnings": found["warning"]}
