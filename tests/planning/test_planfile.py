"""The text of a plan file is untrusted: it is a plan, or PlanFileError."""

from __future__ import annotations

import copy
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.errors import PlanFileError
from reconciler.facts import STATE_DIRECTORY, digest_of
from reconciler.planning.plan import canonical_json, document
from reconciler.planning.planfile import parse_plan, plan_text
from tests.planning.build import file, inventory, manifest, plan

HOSTILE = ["raw\udcff\udcfe.bin", "new\nline.bin", "\x1b[2J.bin", "\u202e.bin", "x" * 251 + ".bin", "sub/\udc80.gguf"]
PLAN = plan(
    manifest(allow=["keep.bin", {"name": "must.bin", "required": True}, {"match": "glob*"}], protect=["p*"]),
    inventory("keep.bin", "p.bin", "mist.bin", *HOSTILE, listed=frozenset({"keep.bin"}), ghosts=("g\udcff.bin",)),
    "required",
)
TEXT = plan_text(PLAN)


def sealed(plan_: object) -> bytes:
    """A plan file whose digest is right, as an attacker can make one."""
    text = canonical_json(plan_)
    return f'{{"digest":"{digest_of(text.encode())}","plan":{text}}}\n'.encode()


def changed(path: str, value: object) -> bytes:
    """PLAN with the value at `path` (keys and indexes, separated by dots) replaced."""
    *parents, last = path.split(".")
    whole: Any = copy.deepcopy(json.loads(TEXT)["plan"])
    at = whole
    for key in parents:
        at = at[int(key)] if isinstance(at, list) else at[key]
    at[int(last) if isinstance(at, list) else last] = value
    return sealed(whole)


def test_round_trip_with_hostile_names() -> None:
    again = parse_plan(TEXT, "plan.json")
    assert again == PLAN
    assert {decision.name for decision in again.deletions} >= set(HOSTILE)
    assert plan_text(again) == TEXT


def test_is_one_line_of_ascii() -> None:
    assert TEXT.isascii()
    assert TEXT.count(b"\n") == 1
    assert TEXT.endswith(b"\n")


def test_white_space_and_order_do_not_matter() -> None:
    spaced = json.dumps(dict(reversed(json.loads(TEXT).items())), indent=2).encode()
    assert parse_plan(spaced, "plan.json") == PLAN


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "cut"),
        (TEXT[: len(TEXT) // 2], "cut"),
        (TEXT[:-3], "cut"),
        (TEXT + b"x", "cut"),
        (b"\xff" + TEXT, "cannot be read as a plan"),
        ("\ufeff".encode() + TEXT, "cannot be read as a plan"),
        (TEXT.replace(b"keep.bin", b"evil.bin"), "edited or damaged"),
        (TEXT.replace(b"sha256:", b"sha256:0", 1), "edited or damaged"),
        (TEXT.replace(b'"digest":', b'"digest":"x","digest":', 1), "twice"),
        (TEXT.replace(b'"host":', b'"host":"x","host":', 1), "twice"),
        (b"[]", "no JSON object"),
        (b"null", "no JSON object"),
        (b"{}", "not a plan file"),
        (b'{"plan": {}}', "not a plan file"),
        (b'{"plan": [], "digest": ""}', "not a plan file"),
        (b'{"plan": {"format_version": 1}, "digest": ""}', "not a plan file"),
        (TEXT.replace(b'{"digest"', b'{"more":1,"digest"', 1), "not a plan file"),
        (changed("format_version", "2.0"), "plan format '2.0' is not read"),
        (changed("format_version", "\x1b[2J\udcff"), r"plan format '\x1b[2J\udcff' is not read"),
        (changed("format_version", "1.7"), "format_version"),
        (b"9" * 5000, "cannot be read"),
        (b"[" * 100_000, "cannot be read"),
        (b'{"plan":' * 100_000, "cannot be read"),
        (b"NaN", "no JSON object"),
    ],
)
def test_refused(data: bytes, told: str) -> None:
    with pytest.raises(PlanFileError) as raised:
        parse_plan(data, "plan.json")
    assert str(raised.value).startswith("plan.json: ")
    assert told in str(raised.value)
    assert "plan again" in str(raised.value) or "ocr-reconcile plan" in str(raised.value)
    assert raised.value.exit_code == 5


@pytest.mark.parametrize(
    ("path", "value"),
    [
        *(
            ("models.0.name", name)
            for name in [
                "", "/", "/etc/passwd", "..", "../x.bin", "sub/..", "sub/../x.bin", "./x.bin", "sub//x.bin", "x/",
                "a/b/c.bin", STATE_DIRECTORY, f"{STATE_DIRECTORY}/x", "nul\0.bin", "\ud800.bin", 1, None, ["x.bin"],
            ]
        ),
        ("models.0.name", "keep.bin"),  # stands there already
        ("models.0.verdict", "purge"),
        ("models.0.verdict", "\udcff"),
        ("models.0.evidence", None),
        ("models.0.evidence", {}),
        ("models.0.evidence.size", -1),
        ("models.0.evidence.size", 10**4000),
        ("models.0.evidence.size", 1.0),
        ("models.0.evidence.size", float("nan")),
        ("models.0.evidence.size", float("inf")),
        ("models.0.evidence.size", True),
        ("models.0.evidence.size", "1"),
        ("models.0.evidence.inode", 2**64),
        ("models.0.evidence.mtime_ns", 10**30),
        ("models.0.evidence.more", 1),
        ("models.0.evidence.\udcff", 1),
        ("models.0.required", 1),
        ("models.0.listed", "yes"),
        ("models.0.place", ["x", 1]),
        ("models.0.place", ["x", -1, 1]),
        ("models.0.more", 1),
        ("models", {}),
        ("models", None),
        ("directory.path", 1),
        ("directory.inode", float("nan")),
        ("origin.host", None),
        ("origin.more", ""),
        ("guards", [{"name": "x", "message": "y"}]),
        ("notices", [[]]),
        ("more", 1),
        ("\ud800", 1),
        ("\x1b[2J\n", 1),
    ],
)  # fmt: skip
def test_refused_although_the_digest_is_right(path: str, value: object) -> None:
    assert PLAN.decisions[0].verdict.value == "delete"
    with pytest.raises(PlanFileError) as raised:
        parse_plan(changed(path, value), "plan.json")
    message = str(raised.value)
    assert message.startswith("plan.json: ")
    assert "\x1b" not in message
    assert "\n" not in message
    assert not message.startswith("plan.json: :")


@pytest.mark.parametrize("depth", [*range(150, 1000, 50), *range(900, 1000, 7), 3000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_nesting_of_any_depth_is_refused(depth: int, opening: str, closing: str) -> None:
    data = f'{{"digest":"x","plan":{{"format_version":"1.0","x":{opening * depth}1{closing * depth}}}}}'
    with pytest.raises(PlanFileError):
        parse_plan(data.encode(), "plan.json")


@given(st.data())
def test_mutated_bytes_are_the_same_plan_or_refused(data: st.DataObject) -> None:
    mutated = bytearray(TEXT)
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(mutated)))
        end = min(len(mutated), start + data.draw(st.integers(0, 8)))
        mutated[start:end] = data.draw(st.binary(max_size=8))
    with suppress(PlanFileError):
        assert parse_plan(bytes(mutated), "plan.json") == PLAN


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters()), inner, max_size=3),
    max_leaves=6,
)


@given(st.data(), JSON)
def test_any_value_anywhere_is_a_plan_or_refused(data: st.DataObject, value: object) -> None:
    whole: Any = document(PLAN)
    whole = json.loads(json.dumps(whole))
    at, key = whole, data.draw(st.sampled_from(sorted(whole)))
    while isinstance(at[key], dict | list) and at[key] and data.draw(st.booleans()):
        at = at[key]
        key = data.draw(st.sampled_from(sorted(at) if isinstance(at, dict) else range(len(at))))
    at[key] = value
    with suppress(PlanFileError):
        parsed = parse_plan(sealed(whole), "plan.json")
        assert all(decision.file is not None and decision.file.size >= 0 for decision in parsed.deletions)


def test_evidence_survives_extremes() -> None:
    extremes = file("x.bin", 2**63 - 1, inode=2**64 - 1, mtime_ns=-(2**93))
    made = plan(manifest(), inventory(extremes))
    assert parse_plan(plan_text(made), "plan.json").doomed == (extremes,)
