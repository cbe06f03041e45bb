"""Annotations and outputs, read back as GitHub's runner reads them."""

from __future__ import annotations

import io
import re

from hypothesis import given
from hypothesis import strategies as st

from reconciler.errors import Issue, Place
from reconciler.names import printable
from reconciler.planning.verdicts import Verdict
from reconciler.report import github
from reconciler.report.issues import Finding
from reconciler.report.rows import Remark, Row, Sheet, Weight
from tests.report.hostile import texts

Command = tuple[str, dict[str, str], str]


def commands(output: str) -> list[Command]:
    """The commands in the output of a step, after `ActionCommand.cs` of actions/runner, both of its forms."""
    found: list[Command] = []
    for line in re.split(r"\r\n|\r|\n", output):
        if "##[" in line:
            found.append(("##[", {}, line))
        if line.lstrip().startswith("::") and "::" in line.lstrip()[2:]:
            head, _, message = line.lstrip()[2:].partition("::")
            name, _, told = head.partition(" ")
            pairs = (pair.partition("=") for pair in told.split(",") if pair)
            found.append((name, {key.strip(): unescaped(value) for key, _, value in pairs}, unescaped(message)))
    return found


def unescaped(value: str) -> str:
    for written, meant in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        value = value.replace(written, meant)
    return value


def outputs(text: str) -> dict[str, str]:
    """What the runner reads from the file of GITHUB_OUTPUT."""
    found, lines = {}, iter(text.split("\n"))
    for line in lines:
        if not line:
            continue
        name, separator, value = re.match(r"(.*?)(=|<<)(.*)", line, re.DOTALL).groups()  # type: ignore[union-attr]
        if separator == "<<":
            value, delimiter = "", value
            while (line := next(lines)) != delimiter:
                value += line + "\n"
            value = value.removesuffix("\n")
        found[name] = value
    return found


def sheet(*rows: Row, remarks: tuple[Remark, ...] = (), facts: dict[str, str] | None = None) -> Sheet:
    return Sheet("prod", "changes", "Plan", rows, remarks, facts or {})


def row(name: str, place: Place | None = None, weight: Weight = Weight.CHANGE) -> Row:
    return Row("OLD", Verdict.DELETE, name, name, 2048, None, "no rule allows it", place, weight)


@given(texts, texts, texts)
def test_an_annotation_is_one_command(file: str, message: str, title: str) -> None:
    line = github.annotation(github.ERROR, message, Place(file, 3, 5), title)
    properties = {"file": printable(file), "line": "3", "col": "5", "title": printable(title)}
    assert commands(line) == [("error", properties, printable(message))]


@given(texts)
def test_what_is_printed_is_no_command(name: str) -> None:
    assert commands(printable(name)) == []
    assert commands(f"warning: {printable(name)}") == []


@given(texts, texts)
def test_issues(file: str, what: str) -> None:
    lines = github.finding_annotations([Finding(Issue(Place(file, 2, 1), what, "mend it"))])
    place = {"file": printable(file), "line": "2", "col": "1"}
    assert [commands(line) for line in lines] == [[("error", place, printable(f"{what}; mend it"))]]


class TestSheet:
    def test_a_deletion_warns_at_the_line_that_denies_it(self) -> None:
        (line,) = github.sheet_annotations(sheet(row("old.bin", Place("models.yaml", 12, 7))))
        assert line == (
            "::warning file=models.yaml,line=12,col=7,title=prod%3A OLD::"
            "old.bin (2.0 KiB) would be deleted: no rule allows it"
        )

    def test_without_a_line_it_warns_at_the_manifest(self) -> None:
        (line,) = github.sheet_annotations(sheet(row("old.bin"), facts={"Manifest": "models.yaml"}))
        assert commands(line)[0][1] == {"file": "models.yaml", "title": "prod: OLD"}

    def test_a_guard_is_an_error(self) -> None:
        (line,) = github.sheet_annotations(sheet(remarks=(Remark("too many", blocks=True),)))
        assert commands(line)[0][0] == "error"

    def test_what_stays_is_not_told(self) -> None:
        assert github.sheet_annotations(sheet(row("kept.bin", weight=Weight.REST))) == []

    def test_no_more_than_github_shows_and_the_rest_counted(self) -> None:
        assert len(github.sheet_annotations(sheet(*map(row, "abcdefghij")))) == 10
        lines = github.sheet_annotations(sheet(*map(row, "abcdefghijk")))
        assert len(lines) == 10
        assert lines[-1] == "::warning::2 more messages of this kind: see the summary"


class TestOutputs:
    def test_of_a_plan(self) -> None:
        assert github.outputs(sheet(row("old.bin")), "plan.json") == {
            "outcome": "changes",
            "changes": "1",
            "applyable": "true",
            "blocked": "false",
            "plan_file": "plan.json",
        }

    def test_a_blocked_plan_cannot_be_applied(self) -> None:
        found = github.outputs(sheet(row("old.bin"), remarks=(Remark("too many", blocks=True),)))
        assert (found["applyable"], found["blocked"]) == ("false", "true")

    def test_nothing_to_do_cannot_be_applied(self) -> None:
        assert github.outputs(sheet())["applyable"] == "false"

    @given(st.dictionaries(st.sampled_from(["changes", "plan_file"]), texts | st.just("") | st.text(alphabet="\na=<E")))
    def test_no_value_breaks_out(self, values: dict[str, str]) -> None:
        stream = io.StringIO()
        github.write_outputs(values, stream)
        assert outputs(stream.getvalue()) == values
