"""What came free, in words that a person understands."""

from __future__ import annotations

import io

import pytest

from reconciler.applying import Applied
from reconciler.history import RunRecord
from reconciler.names import printable
from reconciler.report.github import sheet_annotations
from reconciler.report.markdown import write_markdown
from reconciler.report.run_rows import applied_sheet, came_free, run_sheet
from reconciler.transaction import Fate, ModelFate, Recovered, RunResult
from reconciler.transaction.result import Freed
from tests.planning import build


@pytest.mark.parametrize(
    ("measured", "told"),
    [
        (4096, "4.0 KiB (4,096 bytes) came free"),
        (0, "nothing came free"),
        (-12_288, "nothing came free (others, or the journal, took more meanwhile)"),
    ],
)
def test_a_measure_below_zero_is_not_bytes_that_came_free(measured: int, told: str) -> None:
    assert came_free(Freed(1, 4096, measured)) == told


def test_a_cause_keeps_its_backslashes_single() -> None:
    plan = build.plan(build.manifest(allow=["keep.bin"]), build.inventory("a\\b.bin", "keep.bin"))
    cause = f"{printable(plan.doomed[0].name)}: is another file by now"
    run = RunResult("run", "apply", (ModelFate(plan.doomed[0].name, Fate.FAILED, cause),))
    sheet = applied_sheet(Applied(plan, proof=None, run=run, unplanned=()), base="/")
    stream = io.StringIO()
    write_markdown(sheet, stream)
    (line,) = sheet_annotations(sheet)
    for text in (stream.getvalue(), line):
        assert text.count("a\\\\b.bin") == 2
        assert "\\\\\\" not in text


def test_what_was_recovered_is_told_where_nothing_else_was_done() -> None:
    plan = build.plan(build.manifest(allow=["keep.bin"]), build.inventory("keep.bin"))
    applied = Applied(plan, proof=None, run=None, recovered=Recovered("run0", "apply", "undone", ("a\\\\b: is gone",)))
    stream = io.StringIO()
    write_markdown(applied_sheet(applied, base="/"), stream)
    assert "Run run0 was interrupted, and was undone" in stream.getvalue()
    assert "`a\\\\b: is gone`" in stream.getvalue()


def test_the_manifest_of_a_run_is_named_as_the_checkout_knows_it() -> None:
    record = RunRecord(
        run="run0", kind="apply", state="purged", began=0.0, ended=1.0, until=None, target="", targets=(),
        header={"manifest": "/checkout/m.yaml", "manifest_name": "prod"}, models=(ModelFate("a.bin", Fate.PURGED),),
        files=(build.file("a.bin"),), digests={}, freed=Freed(), cause="", digest="",
    )  # fmt: skip
    assert run_sheet(record, base="/checkout").facts["Manifest"] == "m.yaml"
    (line,) = sheet_annotations(run_sheet(record, base="/checkout"))
    assert line.startswith("::warning file=m.yaml,")
