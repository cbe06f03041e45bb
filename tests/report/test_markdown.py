"""Pages as GitHub renders them: cmarkgfm is GitHub's own renderer."""

from __future__ import annotations

import io
import re
from html.parser import HTMLParser

import cmarkgfm
import pytest
from cmarkgfm.cmark import Options
from hypothesis import example, given
from hypothesis import strategies as st

from reconciler.errors import Issue, Place
from reconciler.names import Shown, printable
from reconciler.planning.verdicts import Verdict
from reconciler.report.issues import Finding
from reconciler.report.markdown import LARGEST, code, marker, prose, write_failure, write_findings, write_markdown
from reconciler.report.rows import Remark, Row, Sheet, Weight, plan_sheet
from tests.planning import build
from tests.report.hostile import names, texts

OURS = {
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "code",
    "strong",
    "p",
    "details",
    "summary",
    "blockquote",
    "ul",
    "li",
}
OURS_WITH_STYLE = {"th", "td"}


class Page(HTMLParser):
    """What a reader of the rendered page has before them."""

    def __init__(self, markdown: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.comments: list[str] = []
        self.rows: list[list[str]] = []
        self.items: list[str] = []
        self.codes: list[str] = []
        self.loose = ""
        html = cmarkgfm.github_flavored_markdown_to_html(markdown, options=Options.CMARK_OPT_UNSAFE)
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert all(tag in OURS_WITH_STYLE and name == "align" for name, _ in attrs)
        self.tags.append(tag)
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th"}:
            self.rows[-1].append("")
        if tag == "li":
            self.items.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data
        elif "li" in self.open:
            self.items[-1] += data
        if "code" in self.open:
            self.codes.append(data)
        else:
            self.loose += data

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)


def rendered(sheet: Sheet, artifact: str = "") -> tuple[str, Page]:
    stream = io.StringIO()
    write_markdown(sheet, stream, artifact=artifact)
    text = stream.getvalue()
    assert len(text.encode()) <= LARGEST
    page = Page(text)
    assert page.open == []
    assert set(page.tags) <= OURS
    assert len(page.comments) == 1
    assert not re.search(r"@|#\d|https?:|www\.|:\w+:|GH-\d", page.loose)
    return text, page


def row(
    name: str, *, why: str = "no rule allows it", weight: Weight = Weight.CHANGE, place: Place | None = None
) -> Row:
    return Row("OLD", Verdict.DELETE, name, f"/m/{name}", 2048, None, why, place, weight)


def sheet(*rows: Row, remarks: tuple[Remark, ...] = (), name: str = "prod") -> Sheet:
    return Sheet(name, "changes", "Plan: some to delete", rows, remarks, {"Host": "host1"})


class TestCells:
    @given(texts)
    @example("")
    @example("  ")
    @example("`")
    @example(" `a` ")
    @example("a\\|b")
    @example("a|b")
    @example("\\")
    def test_code_shows_the_text_as_it_is(self, text: str) -> None:
        page = Page(f"before {code(text)} after")
        if text.strip(" "):
            assert page.tags == ["p", "code"]
            assert page.codes == [printable(text)]
        else:
            assert page.loose == f"before {'(blank)' if text else '(empty)'} after\n"

    @given(texts)
    def test_prose_is_no_markup(self, text: str) -> None:
        page = Page(f"before {prose(text)} after")
        assert set(page.tags) <= {"p", "code"}

    def test_plain_words_are_no_code(self) -> None:
        assert prose("no rule allows it") == "no rule allows it"
        assert prose("Plan: 2 to delete (3.0 MiB); 4 current") == "Plan: 2 to delete (3.0 MiB); 4 current"

    @given(texts)
    def test_a_marker_is_one_comment(self, name: str) -> None:
        page = Page(f"{marker(name)}\n**x**")
        assert len(page.comments) == 1
        assert page.loose.strip() == "x"

    def test_markers_of_plain_names(self) -> None:
        assert marker("ocr-production") == "<!-- ocr-reconcile:ocr-production -->"


class TestPage:
    @given(st.lists(names, min_size=1, max_size=5, unique=True), texts)
    def test_every_name_stays_in_its_cell(self, found: list[str], why: str) -> None:
        place = Place(f"{why}.yaml", 3, 5)
        _, page = rendered(sheet(*(row(name, why=why, place=place) for name in found)))
        body = page.rows[1 : len(found) + 1]
        assert [cells[0] for cells in body] == [printable(name) for name in found]
        assert all(len(cells) == 6 for cells in body)
        assert all(cells[5] == printable(str(place)) for cells in body)

    @given(texts)
    def test_remarks_and_names_stay_in_their_line(self, text: str) -> None:
        remarks = (Remark(text, blocks=True), Remark(text, Place(text, 1, 1)))
        _, page = rendered(sheet(row("a"), remarks=remarks, name=text), artifact=f"{text}.json")
        assert len(page.items) == 2

    @given(st.lists(names, min_size=1, max_size=4, unique=True))
    def test_a_real_plan(self, found: list[str]) -> None:
        plan = build.plan(build.manifest(allow=["keep.bin"]), build.inventory(*found, "keep.bin"))
        _, page = rendered(plan_sheet(plan, base="/"))
        deleted = {printable(name) for name in found if name != "keep.bin"}
        assert {cells[0] for cells in page.rows if len(cells) == 6 and cells[1] == "OLD"} == deleted

    def test_the_summary_comes_first(self) -> None:
        text, _ = rendered(sheet(row("a")))
        assert text.splitlines()[:2] == ["<!-- ocr-reconcile:prod -->", "**Plan: some to delete**"]

    def test_what_is_unchanged_is_folded(self) -> None:
        text, _ = rendered(sheet(row("gone"), row("kept", weight=Weight.REST)))
        assert text.index("`gone`") < text.index("<details>") < text.index("`kept`")


class TestLimit:
    @pytest.mark.parametrize("count", [1, 500, 5000])
    @pytest.mark.parametrize("name", ["model-{}.bin", "模" * 70 + "{}", "\u202e" * 80 + "{}"])
    def test_deletions_are_shown_or_counted(self, count: int, name: str) -> None:
        rows = [row(name.format(number)) for number in range(count)]
        text, page = rendered(sheet(*rows, *(row(f"kept{n}", weight=Weight.REST) for n in range(2000))), "plan.json")
        shown = sum(cells[1] == "OLD" and not cells[0].startswith("kept") for cells in page.rows if len(cells) == 6)
        told = re.search(r"\*\*([\d,]+) more \(.*\) do not fit in here: see `plan\.json`\*\*", text)
        assert shown + (int(told[1].replace(",", "")) if told and shown < count else 0) == count

    def test_every_list_at_once(self) -> None:
        long = "x" * 100_000
        remarks = tuple(Remark(long, blocks=blocks) for blocks in (True, False) for _ in range(50))
        rows = [row(long, why=long, weight=weight) for weight in Weight for _ in range(50)]
        rendered(sheet(*rows, remarks=remarks, name=long), long)


def test_issues_and_failures() -> None:
    findings = [Finding(Issue(Place("a|b.yaml", 1, 2), "a <b> | @c", "`d`"))] * 3
    stream = io.StringIO()
    write_findings(findings, stream)
    page = Page(stream.getvalue())
    assert page.rows[1:] == [["a|b.yaml:1:2", "error", "a <b> | @c", "`d`"]] * 3
    stream = io.StringIO()
    write_failure("prod", "stale", Shown("first\n  - <b>|se\\x3acond"), stream)
    assert Page(stream.getvalue()).items == ["first", "- <b>|se\\x3acond"]
