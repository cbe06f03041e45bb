"""Manifest and inventory in, verdict and reason out."""

from __future__ import annotations

import pytest

from reconciler.errors import Place
from reconciler.facts import Inventory
from reconciler.manifest.manifest import Manifest
from reconciler.planning.diff import compare
from reconciler.planning.verdicts import Decision, Verdict
from tests.planning.build import file, inventory, manifest

BOTH = ["engine", "directory"]


def decide(wanted: Manifest, found: Inventory) -> dict[str, Decision]:
    return {decision.name: decision for decision in compare(wanted, found).decisions}


def notices(wanted: Manifest, found: Inventory) -> list[str]:
    return [notice.text for notice in compare(wanted, found).notices]


VERDICTS = [
    ({}, "delete", "no rule allows it"),
    ({"allow": ["a.bin"]}, "keep", 'allowed by allow[0] (name "a.bin")'),
    ({"allow": [{"match": "*.bin", "reason": "tests"}]}, "keep", 'allowed by allow[0] (match "*.bin"): tests'),
    ({"allow": ["b.bin"]}, "delete", "no rule allows it"),
    ({"allow": [{"match": "*.bin"}], "deny": ["a*"]}, "delete", 'denied by deny[0] (match "a*")'),
    ({"deny": ["a*"], "protect": ["a.*"]}, "protected", 'protected by protect[0] (match "a.*")'),
    ({"allow": ["a.bin"], "protect": ["a.*"]}, "protected", 'protected by protect[0] (match "a.*")'),
    ({"models": {"include": ["*.gguf"]}}, "ignored", "not matched by models.include"),
    ({"models": {"include": ["*.gguf"]}, "deny": ["a*"]}, "ignored", "not matched by models.include"),
    ({"allow": [{"name": "a.bin", "size": 100}]}, "keep", 'allowed by allow[0] (name "a.bin")'),
    (
        {"allow": [{"name": "a.bin", "size": 5}]},
        "mismatch",
        'allowed by allow[0] (name "a.bin"), but size is 100, expected 5',
    ),
    (
        {"allow": [{"match": "a*", "size": 5}]},
        "mismatch",
        'allowed by allow[0] (match "a*"), but size is 100, expected 5',
    ),
    (
        {"allow": [{"name": "a.bin", "size": 0}]},
        "mismatch",
        'allowed by allow[0] (name "a.bin"), but size is 100, expected 0',
    ),
    ({"discovery": ["engine"]}, "unlisted", "the engine does not list it"),
    ({"discovery": ["engine"], "deny": ["*"]}, "unlisted", "the engine does not list it"),
    ({"discovery": BOTH}, "delete", "no rule allows it"),
]


@pytest.mark.parametrize(("spec", "verdict", "reason"), VERDICTS)
def test_verdict_and_reason_of_a_file_of_100_bytes(spec: dict[str, object], verdict: str, reason: str) -> None:
    listed = frozenset[str]() if "discovery" in spec else None
    decision = decide(manifest(**spec), inventory("a.bin", listed=listed))["a.bin"]
    assert (decision.verdict.value, decision.reason) == (verdict, reason)
    assert decision.file == file("a.bin")
    assert decision.listed is (None if listed is None else False)


@pytest.mark.parametrize("verdict", list(Verdict))
def test_the_table_has_every_verdict_of_a_file_that_is_there(verdict: Verdict) -> None:
    elsewhere = {Verdict.MISSING, Verdict.INCOMPLETE, Verdict.GRACE}  # the latter two in golden/
    assert (verdict in {Verdict(row[1]) for row in VERDICTS}) is (verdict not in elsewhere)


def test_a_decision_points_at_the_line_that_caused_it() -> None:
    wanted = manifest(allow=["a.bin", "b.bin"], deny=["old_*"])
    text = decide(wanted, inventory("b.bin", "old_1.bin", "c.bin"))
    assert text["b.bin"].place == wanted.rule_place("allow", 1)
    assert text["old_1.bin"].place == wanted.rule_place("deny", 0)
    assert text["c.bin"].place is None
    place = text["b.bin"].place
    assert isinstance(place, Place)
    assert place.file == "/etc/models.yaml"
    assert place.line > 0


class TestMissing:
    def test_allowed_by_name_and_not_there(self) -> None:
        decision = decide(manifest(allow=["a.bin"]), inventory())["a.bin"]
        assert decision.verdict is Verdict.MISSING
        assert decision.reason == 'allowed by allow[0] (name "a.bin"), and not there'
        assert not decision.required
        assert decision.file is None

    def test_required(self) -> None:
        decision = decide(manifest(allow=[{"name": "a.bin", "required": True}]), inventory())["a.bin"]
        assert decision.reason.endswith(", required, and not there")
        assert decision.required

    def test_a_glob_is_never_missing(self) -> None:
        assert decide(manifest(allow=[{"match": "*.bin"}]), inventory()) == {}

    def test_denied_as_well(self) -> None:
        decision = decide(manifest(allow=["a.bin"], deny=["a*"]), inventory())["a.bin"]
        assert decision.verdict is Verdict.IGNORED
        assert decision.reason == 'not there, and denied by deny[0] (match "a*")'


class TestLinks:
    """A manifest may name a symbolic link; the file it leads to is then wanted too."""

    def test_the_target_of_an_allowed_link_is_kept(self) -> None:
        wanted = manifest(allow=[{"name": "latest.bin", "required": True}])
        found = decide(wanted, inventory("v1.bin", "v2.bin", aliases={"latest.bin": "v2.bin"}))
        assert found["v2.bin"].verdict is Verdict.KEEP
        assert found["v2.bin"].reason == "latest.bin, which is kept, is a symbolic link to it"
        assert found["v2.bin"].place == wanted.rule_place("allow", 0)
        assert found["v1.bin"].verdict is Verdict.DELETE
        assert found["latest.bin"].verdict is Verdict.IGNORED
        assert found["latest.bin"].reason == "a symbolic link to v2.bin"
        assert not found["latest.bin"].required

    def test_every_hard_link_of_the_target_is_kept(self) -> None:
        hard = [file("one.bin", inode=7), file("two.bin", inode=7), file("three.bin", inode=8)]
        found = decide(manifest(protect=["latest.bin"]), inventory(*hard, aliases={"latest.bin": "two.bin"}))
        kept = {name for name, decision in found.items() if decision.verdict is Verdict.KEEP}
        assert kept == {"one.bin", "two.bin"}

    def test_a_link_that_nobody_wants_keeps_nothing(self) -> None:
        found = decide(manifest(), inventory("v2.bin", aliases={"latest.bin": "v2.bin"}))
        assert found["v2.bin"].verdict is Verdict.DELETE


class TestNotices:
    def test_ghosts(self) -> None:
        assert notices(manifest(), inventory(listed=frozenset(), ghosts=("gone.bin",))) == [
            "gone.bin: the engine lists it and the disk has no such file; nothing can be done about it"
        ]

    def test_a_lookalike_about_to_be_deleted(self) -> None:
        wanted = manifest(allow=["en_ocr_v1.bin", "fr.bin"])
        assert notices(wanted, inventory("en-ocr-v1.bin", "unlike.bin")) == [
            "en_ocr_v1.bin is allowed and missing, while en-ocr-v1.bin is to be deleted"
        ]

    def test_a_series_gives_one_notice_a_missing_model(self) -> None:
        wanted = manifest(allow=[f"ckpt-{number}.bin" for number in range(500)])
        told = notices(wanted, inventory(*(f"ckpt-{number}.bin" for number in range(500, 1000))))
        assert len(told) == 500
        assert told[0].count(" and ") <= 3

    def test_a_lookalike_that_is_kept_is_none(self) -> None:
        assert notices(manifest(allow=["a1.bin", "a2.bin"]), inventory("a1.bin")) == []

    @pytest.mark.parametrize("spec", [{}, {"protect": ["*.bin"]}, {"deny": ["*.bin"]}])
    def test_a_glob_that_keeps_nothing(self, spec: dict[str, object]) -> None:
        wanted = manifest(allow=["x.bin", {"match": "x*"}], **spec)
        told = notices(wanted, inventory("x.bin"))
        assert told == ['allow[1] (match "x*") keeps no model: no name, or only names ruled on before']

    def test_a_glob_that_keeps_something(self) -> None:
        assert notices(manifest(allow=[{"match": "x*"}]), inventory("x.bin")) == []
