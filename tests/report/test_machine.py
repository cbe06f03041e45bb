"""The JSON documents: they parse, say their version and outcome, and keep every name."""

from __future__ import annotations

import json

import pytest

from reconciler.errors import Issue, Place
from reconciler.manifest.manifest import Manifest
from reconciler.planning.plan import document
from reconciler.planning.verdicts import Verdict
from reconciler.report.issues import Finding, findings_document
from reconciler.report.machine import FORMAT_VERSION, inventory_document, plan_document
from tests.planning.build import file, inventory, manifest, plan

HOSTILE = ("new\nline.bin", "\x1b[31mred.bin", "raw\udcff.bin", "\u202egnp.bin")


def printed(value: object) -> dict[str, object]:
    """What a reader gets: through bytes, which lone surrogates would not survive unescaped."""
    text = json.dumps(value).encode("utf-8")
    parsed = json.loads(text)
    assert isinstance(parsed, dict)
    assert parsed["format_version"] == FORMAT_VERSION
    return parsed


@pytest.mark.parametrize(
    ("wanted", "outcome"),
    [
        (manifest(allow=["a.bin", "b.bin"]), "no-changes"),
        (manifest(allow=["a.bin"]), "changes"),
        (manifest(), "blocked"),
    ],
)
def test_outcome_of_a_plan(wanted: Manifest, outcome: str) -> None:
    assert printed(plan_document(plan(wanted, inventory("a.bin", "b.bin"))))["outcome"] == outcome


def test_a_plan_with_hostile_names() -> None:
    made = plan(manifest(allow=["keep.bin"]), inventory("keep.bin", *HOSTILE))
    told = plan_document(made)
    parsed = printed(told)
    assert parsed["plan"] == document(made)
    assert parsed["digest"] == made.digest
    assert parsed["summary"] == {
        "counts": {verdict.value: {"delete": 4, "keep": 1}.get(verdict.value, 0) for verdict in Verdict},
        "bytes_to_delete": 400,
        "blocked_by": [],
    }
    models = made.decisions
    assert [model["name"] for model in parsed["plan"]["models"]] == [m.name for m in models]


def test_an_inventory_with_hostile_names() -> None:
    found = inventory(
        *HOSTILE, file("a.bin"), listed=frozenset({"a.bin"}), ghosts=("g\udcfe",), aliases={"l\n": "raw\udcff.bin"}
    )
    parsed = printed(inventory_document(found))
    assert parsed["outcome"] == "done"
    assert parsed["files"] == [{**entry._asdict(), "listed": entry.name == "a.bin"} for entry in found.files]
    assert parsed["ghosts"] == ["g\udcfe"]
    assert parsed["aliases"] == {"l\n": "raw\udcff.bin"}
    assert parsed["engine"] == {"release": "26.7.0", "python": "/venv/bin/python"}


def test_an_inventory_without_an_engine() -> None:
    parsed = printed(inventory_document(inventory("a.bin")))
    assert parsed["engine"] is None
    assert [entry["listed"] for entry in parsed["files"]] == [None]  # type: ignore[attr-defined]


def test_issues() -> None:
    issue = Issue(Place("m\udcff.yaml", 3, 7), "what", "remedy")
    valid = {"format_version": FORMAT_VERSION, "outcome": "valid", "issues": [], "warnings": []}
    assert printed(findings_document([])) == valid
    parsed = printed(findings_document([Finding(issue)]))
    assert parsed["outcome"] == "manifest-invalid"
    assert parsed["issues"] == [{"file": "m\udcff.yaml", "line": 3, "column": 7, "what": "what", "remedy": "remedy"}]
