from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from reconciler.manifest.jsonschema import json_schema
from reconciler.manifest.schema import ModelSet

ROOT = Path(__file__).parents[2]
SCHEMA = json_schema()
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)


def test_the_schema_checked_in_is_the_one_that_the_models_give() -> None:
    assert json.loads((ROOT / "docs/manifest.schema.json").read_text()) == SCHEMA


def test_it_is_draft_07_and_its_examples_are_valid() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    for part in (SCHEMA, *SCHEMA["definitions"].values()):
        for key, value in part["properties"].items():
            assert value["description"], key
            assert value.get("examples") or key == "$remove", key
            for shown in value.get("examples", []):
                VALIDATOR.evolve(schema={**value, "definitions": SCHEMA["definitions"]}).validate(shown)


SHIPPED = [*sorted((ROOT / "manifests").glob("*.yaml")), *sorted((ROOT / "examples").glob("*.yaml"))]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_every_manifest_we_ship_names_the_schema(path: Path) -> None:
    first = path.read_text().partition("\n")[0]
    prefix = "# yaml-language-server: $schema="
    assert first.startswith(prefix)
    assert (path.parent / first.removeprefix(prefix)).resolve() == ROOT / "docs/manifest.schema.json"


texts = st.sampled_from(["", "a.bin", "x*", "yes"])
wrong = st.sampled_from([[], {}, -1, 1.5, True, "", ["x", 3], {"x": 1}, {"name": "a"}])
counts = st.sampled_from([0, 1, 2**63 - 1, 2**63, -1, "3", 1.5, True])
amounts = st.sampled_from([0, 5, "5", "20GiB", "2 kB", "1 XB", "1iB", "ms", "5m", "90S", "1.5", "2d", -1, True, ""])
flags = st.sampled_from([True, False, "true", 1])
hashes = st.sampled_from(["a" * 64, "A" * 64, "a" * 63, 7])


def part(required: dict[str, Any], optional: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Mostly a mapping of these keys, at times with one key too many, at times something else."""
    good = st.fixed_dictionaries(required, optional=optional)
    return st.one_of(
        good, good, good, good, st.tuples(good, wrong).map(lambda both: {**both[0], "zzz": both[1]}), wrong
    )


keeps = part({}, {"latest": st.sampled_from([1, 3, 0, 1_000_001, "2", True]), "within": amounts, "atMost": amounts})
windows = part(
    {
        "kind": st.sampled_from(["allow", "deny", "never"]),
        "schedule": st.just("0 18 * * 5"),
        "duration": amounts,
    },
    {"timeZone": st.sampled_from(["UTC", "Europe/Berlin", ""])},
)
named = {"name": texts, "match": texts, "reason": texts}
handlers = st.lists(part({"command": st.lists(texts, max_size=2)}, {"timeout": amounts}), max_size=2)
allowed = {
    **named,
    "size": counts,
    "sha256": hashes,
    "required": flags,
    "onMismatch": st.sampled_from(["report", "delete", "fail", "warn"]),
    "files": st.lists(texts, max_size=2),
    "keep": keeps,
}
rules = st.lists(st.one_of(texts, part({}, named)), max_size=2)
variables = st.dictionaries(
    st.sampled_from(["A", "_b1", "a-b", "1"]),
    part({}, {"type": st.sampled_from(["string", "text"]), "default": st.sampled_from(["x", 1, True, [], ""])}),
    max_size=2,
)
spec = part(
    {},
    {
        "extends": st.lists(texts, max_size=2),
        "variables": variables,
        "modelPath": texts,
        "engine": part({}, {"python": texts, "timeout": amounts}),
        "discovery": st.lists(st.sampled_from(["engine", "directory", "disk"]), max_size=2),
        "models": part({}, {"include": st.lists(texts, max_size=2), "sets": flags}),
        "allow": st.lists(st.one_of(texts, part({}, allowed)), max_size=2),
        "deny": rules,
        "protect": rules,
        "limits": part(
            {},
            {
                "maxDeletions": counts,
                "maxDeletePercent": st.sampled_from([0, 12.5, 100, 101, "3", -1, True]),
                "maxDeleteBytes": amounts,
                "minKeep": counts,
                "minFreeBytes": amounts,
                "required": st.sampled_from(["fail", "warn", True]),
            },
        ),
        "grace": amounts,
        "freeze": part({}, {"windows": st.lists(windows, max_size=2)}),
        "release": part({}, {"wait": amounts, "handlers": handlers}),
        "handlers": part({}, {"changed": handlers}),
        "quarantine": part({}, {"retain": amounts}),
    },
)
manifests = st.one_of(
    st.fixed_dictionaries(
        {
            "apiVersion": st.just("ocr-reconcile/v1"),
            "kind": st.just("ModelSet"),
            "metadata": st.just({"name": "x"}),
            "spec": spec,
        }
    ),
    part(
        {"apiVersion": st.sampled_from(["ocr-reconcile/v1", "v2"]), "kind": st.sampled_from(["ModelSet", "Pod", 3])},
        {"metadata": part({"name": texts}, {"owner": texts, "labels": st.dictionaries(texts, texts)}), "spec": spec},
    ),
)
HEAD = {"apiVersion": "ocr-reconcile/v1", "kind": "ModelSet", "metadata": {"name": "x"}}


@settings(max_examples=800, deadline=None)
@given(manifests)
@example({**HEAD, "spec": {"limits": {"maxDeletions": 1}, "engine": {"timeout": "90s"}}})
@example({**HEAD, "spec": {"limits": {"maxDeleteBytes": 1}, "quarantine": {"retain": 0}}})
@example({**HEAD, "spec": {"quarantine": {"retain": 366 * 86400 + 1}}})
@example({**HEAD, "spec": {"engine": {"timeout": 0}}})
def test_schema_and_models_agree(document: Any) -> None:
    try:
        ModelSet.model_validate(document, by_alias=True, by_name=False)
        valid = True
    except ValidationError:
        valid = False
    errors = [error.message for error in VALIDATOR.iter_errors(document)]
    assert (not errors) == valid, errors


@pytest.mark.parametrize(
    ("spec", "valid"),
    [
        ({"limits": {"maxDeletions": "${N}"}, "allow": [{"name": "a", "required": "${B}"}]}, True),
        ({"limits": {"maxDeletions": "x${N}"}}, False),
        ({"limits": {"$remove": ["minKeep"]}, "deny": [{"$remove": "x"}]}, True),
        ({"limits": {"$remove": "minKeep"}}, False),
        ({"deny": [{"$remove": "x", "name": "y"}]}, False),
        ({"modelPath": None}, False),
    ],
)
def test_what_is_only_in_files(spec: Any, valid: bool) -> None:
    assert VALIDATOR.is_valid({**HEAD, "spec": spec}) == valid
