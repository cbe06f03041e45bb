"""GitHub Actions: annotations on standard output, outputs and a step summary in the files that it names.

The forms are those of GitHub's "Workflow commands for GitHub Actions" and of the runner's own unescaping
(`ActionCommand.cs`): `%`, CR and LF in a message, `:` and `,` as well in a property.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import IO

from reconciler.errors import Place
from reconciler.names import Shown, printable
from reconciler.quantities import human_size, plural
from reconciler.report.issues import Finding
from reconciler.report.rows import Row, Sheet, Weight

MOST = 10
"""Annotations of one level that GitHub shows for a step; what comes after is dropped by it without a word."""

ERROR, WARNING, NOTICE = "error", "warning", "notice"


def annotation(level: str, message: str, place: Place | None = None, title: str = "") -> str:
    """One workflow command, a line; whatever is in the texts stays in the line and in its property."""
    properties = {}
    if place:
        properties = {"file": printable(place.file)}
    if place and place.line:
        properties |= {"line": str(place.line), "col": str(place.column)}
    if title:
        properties["title"] = printable(title)
    told = ",".join(f"{name}={_escaped_property(value)}" for name, value in properties.items())
    return f"::{level}{' ' if told else ''}{told}::{_escaped(printable(message))}"


def finding_annotations(findings: Iterable[Finding]) -> list[str]:
    """Every fault of manifests as an error at its line, and every warning as one."""
    return list(_limited((finding.severity, finding.text, finding.issue.place, "") for finding in findings))


def sheet_annotations(sheet: Sheet) -> list[str]:
    """What blocks as errors, what goes or is not as it should be as warnings at the line that says so."""
    return list(_limited(_of_sheet(sheet)))


def outputs(sheet: Sheet, plan_file: str = "") -> dict[str, str]:
    """The outputs of a step."""
    return {
        "outcome": sheet.outcome,
        "changes": str(len(sheet.changes)),
        "applyable": _word(bool(sheet.changes) and not sheet.blocked and not sheet.done),
        "blocked": _word(sheet.blocked),
        "plan_file": plan_file,
    }


def write_outputs(values: Mapping[str, str], stream: IO[str]) -> None:
    """Append to the file that GITHUB_OUTPUT names; a value of several lines gets a delimiter nobody can guess."""
    for name, value in values.items():
        if "\n" in value or "\r" in value:
            delimiter = f"end-{secrets.token_hex(16)}"
            stream.write(f"{name}<<{delimiter}\n{value}\n{delimiter}\n")
        else:
            stream.write(f"{name}={value}\n")


_Annotation = tuple[str, str, Place | None, str]


def _of_sheet(sheet: Sheet) -> Iterator[_Annotation]:
    manifest = Place(sheet.facts["Manifest"]) if "Manifest" in sheet.facts else None
    for remark in sheet.remarks:
        level = ERROR if remark.blocks else NOTICE
        yield level, remark.text, remark.place or manifest, sheet.name
    for row in sheet.rows:
        if row.weight is not Weight.REST:
            yield WARNING, _told(row, sheet), row.place or manifest, f"{sheet.name}: {row.status}"


def _told(row: Row, sheet: Sheet) -> str:
    size = "" if row.size is None else f" ({human_size(row.size)})"
    what = "" if row.weight is Weight.TROUBLE or sheet.done else " would be deleted"
    return Shown(f"{printable(row.name)}{size}{what}{f': {printable(row.why)}' if row.why else ''}")


def _limited(made: Iterable[_Annotation]) -> Iterator[str]:
    """As many as GitHub shows; the last of a level says how many it stands for."""
    levels: dict[str, list[_Annotation]] = {}
    for one in made:
        levels.setdefault(one[0], []).append(one)
    for level, all_of in levels.items():
        shown: Sequence[_Annotation] = all_of if len(all_of) <= MOST else all_of[: MOST - 1]
        yield from (annotation(*one) for one in shown)
        if len(shown) < len(all_of):
            yield annotation(level, f"{plural(len(all_of) - len(shown), 'more message')} of this kind: see the summary")


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escaped_property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")


def _word(value: bool) -> str:
    return "true" if value else "false"
