from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.errors import ManifestError
from reconciler.manifest.document import parse
from reconciler.manifest.loader import DISK, load_manifest, read_document
from reconciler.manifest.overlay import Tree, merge
from reconciler.manifest.render import rendered

HEAD = "apiVersion: ocr-reconcile/v1\nkind: ModelSet\nmetadata: {name: test}\nspec:\n"


def put(path: Path, spec: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEAD + spec)
    return path


def faults(path: Path) -> list[str]:
    with pytest.raises(ManifestError) as caught:
        load_manifest(path)
    return [str(issue) for issue in caught.value.issues]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    put(
        tmp_path / "base.yaml",
        "  modelPath: models\n  allow: [a.bin, b.bin, {match: '*.gguf'}]\n  deny: ['old_*']\n"
        "  limits: {maxDeletions: 3, minKeep: 2}\n",
    )
    return tmp_path


def test_rules_append_replace_and_go_and_mappings_merge(repository: Path) -> None:
    spec = (
        "  extends: [../base.yaml]\n"
        "  allow:\n    - $remove: b.bin\n    - {name: a.bin, size: 3}\n    - c.bin\n"
        "  limits: {$remove: [minKeep], maxDeletePercent: 5}\n"
    )
    manifest = load_manifest(put(repository / "hosts/one.yaml", spec))
    own, base = str(repository / "hosts/one.yaml"), str(repository / "base.yaml")
    assert [rule.name or rule.match for rule in manifest.spec.allow] == ["a.bin", "*.gguf", "c.bin"]
    assert manifest.spec.allow[0].size == 3
    assert (manifest.spec.limits.max_deletions, manifest.spec.limits.min_keep) == (3, 1)
    assert manifest.spec.limits.max_delete_percent == 5
    places = [manifest.rule_place("allow", index) for index in range(3)]
    assert [(place.file, place.line) for place in places] == [(own, 8), (base, 6), (own, 9)]
    assert manifest.rule_place("deny", 0).file == base
    assert manifest.model_path == str(repository / "hosts/../models")


def test_a_file_reached_twice_counts_where_it_is_reached_first(repository: Path) -> None:
    put(repository / "x.yaml", "  extends: [base.yaml]\n  limits: {minKeep: 7}\n")
    put(repository / "y.yaml", "  extends: [base.yaml]\n  limits: {maxDeletions: 9}\n")
    limits = load_manifest(put(repository / "m.yaml", "  extends: [x.yaml, y.yaml]\n")).spec.limits
    assert (limits.min_keep, limits.max_deletions) == (7, 9)


def test_the_digest_covers_every_file(repository: Path) -> None:
    path = put(repository / "m.yaml", "  extends: [base.yaml]\n")
    before = load_manifest(path).digest
    with (repository / "base.yaml").open("a") as file:
        file.write("# a comment\n")
    assert load_manifest(path).digest != before


@pytest.mark.parametrize(
    ("extends", "words"),
    [
        ("m.yaml", "extends this file in turn"),
        ("loop.yaml", "loop.yaml:5:13: `m.yaml` extends this file in turn"),
        ("../out.yaml", "`../out.yaml` is outside of"),
        ("out", "`out` is outside of"),
        ("/etc/passwd", "is not a relative path"),
        ("missing.yaml", "m.yaml:5:13: {missing}: no such file"),
        (".", "is a directory"),
        ("broken.yaml", "broken.yaml:1:3: not YAML"),
        ("other.yaml", "other.yaml:1:1: `kind` is missing"),
    ],
)
def test_what_cannot_be_extended(tmp_path: Path, extends: str, words: str) -> None:
    repository = tmp_path / "repository"
    put(repository / "loop.yaml", "  extends: [m.yaml]\n")
    put(tmp_path / "out.yaml", "  allow: []\n")
    (repository / "out").symlink_to("../out.yaml")
    (repository / "broken.yaml").write_text("{ ]")
    (repository / "other.yaml").write_text("apiVersion: ocr-reconcile/v1\n")
    found = faults(put(repository / "m.yaml", f"  extends: [{extends}]\n"))
    assert any(words.replace("{missing}", str(repository / "missing.yaml")) in fault for fault in found), found


def test_faults_of_all_files_come_at_once_and_each_in_its_own(repository: Path) -> None:
    put(repository / "bad.yaml", "  allow: [/x.bin]\n  limits: {minKeep: no}\n")
    found = faults(put(repository / "m.yaml", "  extends: [bad.yaml]\n  deny: ['[']\n  protect: [{$remove: x}]\n"))
    assert [fault.removeprefix(str(repository) + "/").split(": ")[0] for fault in found] == [
        "bad.yaml:5:11",
        "bad.yaml:6:21",
        "m.yaml:6:10",
        "m.yaml:7:13",
    ]
    assert "there is no rule `x` to remove from `protect`" in found[-1]


def test_a_contradiction_of_two_files_names_the_other(repository: Path) -> None:
    (found,) = faults(put(repository / "m.yaml", "  extends: [base.yaml]\n  deny: [a.bin]\n"))
    assert found.startswith(
        f"{repository}/base.yaml:6:11: `a.bin` is in `allow`, but also in `deny` ({repository}/m.yaml:6:10)"
    )


def test_without_git_the_directory_of_the_manifest_is_the_border(tmp_path: Path) -> None:
    if DISK.root(str(tmp_path / "a/m.yaml")) != os.path.realpath(tmp_path / "a"):
        pytest.skip("the temporary directory is inside of a Git work tree")
    put(tmp_path / "base.yaml", "  allow: []\n")
    (found,) = faults(put(tmp_path / "a/m.yaml", "  extends: [../base.yaml]\n"))
    assert "is outside of" in found


def test_what_is_rendered_loads_to_the_same_manifest(repository: Path) -> None:
    path = put(
        repository / "hosts/one.yaml",
        "  extends: [../base.yaml]\n  variables: {N: {type: integer, default: 4}, S: {default: '${x}: #'}}\n"
        "  allow: ['${S}.bin', '$${y}.bin', {name: c.bin, reason: 'é \\\" yes'}]\n  limits: {maxDeletions: '${N}'}\n",
    )
    text = rendered(read_document(path))
    manifest = load_manifest(path)
    path.write_text(text)
    again = load_manifest(path)
    assert (again.spec, again.metadata) == (manifest.spec, manifest.metadata)
    assert [rule.name for rule in again.spec.allow][3:5] == ["${x}: #.bin", "${y}.bin"]


names = st.sampled_from(["a", "b", "c"])
rules = st.lists(
    st.one_of(names, names.map(lambda n: {"name": n, "size": 1}), names.map(lambda n: {"match": n + "*"})),
    max_size=4,
    unique_by=str,
)
removals = st.lists(st.sampled_from(["a", "b", "a*"]).map(lambda n: {"$remove": n}), max_size=2)
sections = st.tuples(removals, rules).map(lambda parts: [*parts[0], *parts[1]])
limits = st.dictionaries(st.sampled_from(["x", "y", "z"]), st.integers(0, 3), max_size=3)
mappings = st.tuples(limits, st.lists(st.sampled_from(["x", "y"]), max_size=2, unique=True)).map(
    lambda parts: {**parts[0], **({"$remove": parts[1]} if parts[1] else {})}
)
specs = st.fixed_dictionaries(
    {}, optional={"allow": sections, "deny": sections, "limits": mappings, "discovery": st.lists(names)}
)


def tree(value: Any) -> Tree:
    import json

    document = parse(json.dumps({"spec": value}).encode(), "m.yaml")
    return Tree(document.root, document.marks)


@settings(max_examples=300, deadline=None)
@given(specs, specs, specs)
def test_merging_is_associative(a: Any, b: Any, c: Any) -> None:
    left = merge(merge(tree(a), tree(b)), tree(c))
    right = merge(tree(a), merge(tree(b), tree(c)))
    assert without_removals(left.value) == without_removals(right.value)


def without_removals(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_removals(inner) for key, inner in value.items() if key != "$remove"}
    if isinstance(value, list):
        return [item for item in value if not (isinstance(item, dict) and "$remove" in item)]
    return value
