from __future__ import annotations

import difflib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.errors import ManifestError, UsageError
from reconciler.manifest.document import parse
from reconciler.manifest.edit import Change, Pin, allow, deny, edited, pin, remove
from reconciler.manifest.fmt import formatted
from reconciler.manifest.loader import parse_manifest
from tests.manifest.strategies import GLOBS, NAMES, manifests
from tests.manifest.test_loader import shipped

ROOT = Path(__file__).parents[2]
SHIPPED = sorted((ROOT / "manifests").glob("*.yaml"))
HEAD = "apiVersion: ocr-reconcile/v1\nkind: ModelSet\nmetadata: {name: test}\n"


def edit(text: str, change: Change) -> str:
    return edited(text.encode(), "m.yaml", change).decode()


def _flow(letter: str, size: int) -> str:
    return f"{{name: {letter}.bin, size: {size}, sha256: {letter * 64}}}"


def changed(before: str, after: str) -> tuple[list[str], list[str]]:
    lines = list(difflib.ndiff(before.splitlines(), after.splitlines()))
    return [line[2:] for line in lines if line[0] == "-"], [line[2:] for line in lines if line[0] == "+"]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_what_we_ship_is_in_the_one_layout(path: Path) -> None:
    assert formatted(path.read_bytes(), path.name) == path.read_bytes()


@pytest.mark.parametrize(("name", "data"), shipped(), ids=lambda value: value if isinstance(value, str) else "")
def test_round_trips_of_every_manifest_of_the_repository(name: str, data: bytes) -> None:
    once = formatted(data, name)
    assert formatted(once, name) == once
    text = data.decode()
    assert len(changed(text, edit(text, allow(["new.bin"])))[1]) <= 2
    names = [rule.name for rule in parse_manifest(data, name).spec.allow if rule.name]
    for own in names if "$" not in text else ():
        gone, added = changed(text, edit(text, remove([own])))
        assert any(own in line for line in gone)
        assert len(added) <= 1


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_edits_of_what_we_ship_change_only_their_lines(path: Path) -> None:
    text = path.read_text()
    assert changed(text, edit(text, allow(["new.bin"]))) == ([], ["    - new.bin"])
    assert changed(text, edit(text, deny("bad_*", "broken")))[0] == []
    assert changed(text, edit(text, remove(["fr_ocr_v2.bin"])))[1] == []
    gone, added = changed(text, edit(text, pin({"fr_ocr_v2.bin": Pin(7, "a" * 64)})))
    assert {line.strip(" -").removeprefix("name: ") for line in gone} <= {"fr_ocr_v2.bin"}
    assert [line.strip() for line in added if "fr_ocr_v2" not in line] == ["size: 7", f"sha256: {'a' * 64}"]


@pytest.mark.parametrize(
    ("before", "change", "after"),
    [
        ("spec: {}\n", allow(["a.bin"]), "spec: {allow: [a.bin]}\n"),
        ("spec: {deny: [x]}\n", allow(["a.bin"]), "spec: {allow: [a.bin], deny: [x]}\n"),
        ("spec: {allow: []}\n", allow(["yes", "a b.bin"][1:]), "spec: {allow: [a b.bin]}\n"),
        ("spec:\n  allow: [a.bin,]\n", allow(["b.bin"]), "spec:\n  allow: [a.bin, b.bin,]\n"),
        ("spec:\n  allow:\n  - a.bin", allow(["b.bin"]), "spec:\n  allow:\n  - a.bin\n  - b.bin"),
        (
            "spec:\n  allow:\n  - a.bin # x\n  # y\n  deny: []\n",
            allow(["b.bin", "a.bin", "b.bin"]),
            "spec:\n  allow:\n  - a.bin # x\n  - b.bin\n  # y\n  deny: []\n",
        ),
        ("spec:\n  limits: {}\n", allow(["b.bin"]), "spec:\n  allow:\n    - b.bin\n  limits: {}\n"),
        ("spec:\r\n  allow:\r\n  - a.bin\r\n", allow(["b.bin"]), "spec:\r\n  allow:\r\n  - a.bin\r\n  - b.bin\r\n"),
        ("spec: {}\n", allow(["${x}.bin"]), 'spec: {allow: ["$${x}.bin"]}\n'),
        ("spec:\n  deny:\n    - x\n", deny("[a]*", ""), 'spec:\n  deny:\n    - x\n    - match: "[a]*"\n'),
        ("spec:\n  deny:\n    - x\n", deny("x", "again"), "spec:\n  deny:\n    - x\n"),
        ("spec:\n  allow:\n    - a.bin # x\n    # y\n", remove(["a.bin"]), "spec:\n  allow: []\n    # y\n"),
        (
            "spec:\n  allow:\n    # of a\n    # too\n    - a.bin\n    # of b\n    - b.bin\n",
            remove(["a.bin"]),
            "spec:\n  allow:\n    # of b\n    - b.bin\n",
        ),
        (
            "spec:\r\n  allow:\r\n    - a.bin # a\r\n    # of b\r\n    - b.bin\r\n    # of c\r\n    - c.bin\r\n",
            remove(["b.bin"]),
            "spec:\r\n  allow:\r\n    - a.bin # a\r\n    # of c\r\n    - c.bin\r\n",
        ),
        (
            "spec:\n  allow:\n    # all\n\n    - a.bin\n  # shifted\n    - b.bin\n      # deeper\n    - c.bin\n",
            remove(["a.bin", "b.bin", "c.bin"]),
            "spec:\n  allow: []\n    # all\n\n  # shifted\n      # deeper\n",
        ),
        (
            'spec:\n  deny:\n    - match: x\n      reason: "one\n    # two"\n    - y\n',
            remove(["y"]),
            'spec:\n  deny:\n    - match: x\n      reason: "one\n    # two"\n',
        ),
        ("spec: # x\n  allow: # y\n  # z\n  - a.bin", remove(["a.bin"]), "spec: # x\n  allow: [] # y\n"),
        ("spec: {allow: [a.bin, b.bin]}\n", remove(["a.bin"]), "spec: {allow: [b.bin]}\n"),
        ("spec: {allow: [a.bin, b.bin]}\n", remove(["b.bin", "a.bin"]), "spec: {allow: []}\n"),
        (
            "spec:\n  allow:\n    -\n      # c\n      name: a.bin\n      size: 1\n    - b.bin\n",
            remove(["a.bin"]),
            "spec:\n  allow:\n    - b.bin\n",
        ),
        (
            "spec: {allow: [a.bin, {name: b.bin, size: 1}]}\n",
            pin({"a.bin": Pin(1, "a" * 64), "b.bin": Pin(2, "b" * 64)}),
            f"spec: {{allow: [{_flow('a', 1)}, {_flow('b', 2)}]}}\n",
        ),
        (
            "spec:\n  allow:\n    - &x a.bin  # c\n  protect: [*x]\n",
            pin({"a.bin": Pin(1, "a" * 64)}),
            f"spec:\n  allow:\n    - name: &x a.bin  # c\n      size: 1\n      sha256: {'a' * 64}\n  protect: [*x]\n",
        ),
    ],
)
def test_an_edit(before: str, change: Change, after: str) -> None:
    assert edit(HEAD + before, change) == HEAD + after


def test_what_is_not_edited() -> None:
    with pytest.raises(ManifestError):
        edit(HEAD + "spec: {allow: [/a.bin]}\n", allow(["b.bin"]))
    with pytest.raises(ManifestError, match="is in `allow`, but also in `deny`"):
        edit(HEAD + "spec: {deny: [a.bin]}\n", allow(["a.bin"]))
    with pytest.raises(ManifestError, match="a second document"):
        edit(HEAD + "spec: {}\n---\n" + HEAD + "spec: {}\n", allow(["a.bin"]))
    with pytest.raises(UsageError, match=r"no rule in this file is about b\.bin"):
        edit(HEAD + "spec: {allow: [a.bin]}\n", remove(["b.bin"]))
    with pytest.raises(UsageError, match="edit the manifest by hand"):
        edit(HEAD + "spec:\n  models: {include: &x ['*.bin']}\n  deny: *x\n", deny("y*", ""))
    with pytest.raises(UsageError, match="in so many letters"):
        edit(HEAD + "spec: {variables: {A: {default: a}}, allow: ['${A}.bin']}\n", pin({"a.bin": Pin(1, "a" * 64)}))


@settings(max_examples=300, deadline=None)
@given(manifests())
def test_fmt_twice_equals_once_and_says_the_same(text: str) -> None:
    once = formatted(text.encode(), "m.yaml")
    assert formatted(once, "m.yaml") == once
    assert parse(once, "m.yaml").root == parse(text.encode(), "m.yaml").root
    assert parse_manifest(once, "m.yaml").spec == parse_manifest(text.encode(), "m.yaml").spec
    assert once.decode().count("#") == text.count("#")


@settings(max_examples=300, deadline=None)
@given(manifests(), st.data())
def test_each_edit_changes_only_its_lines(text: str, data: st.DataObject) -> None:
    spec = parse_manifest(text.encode(), "m.yaml").spec
    block_lists = "[" not in text.replace("[0-9]", "")
    gone, added = changed(text, edit(text, allow(["new.bin"])))
    assert len(added) <= 2
    assert len(gone) <= 1
    if block_lists:
        assert gone == []
    gone, added = changed(text, edit(text, deny("new_*", "")))
    assert (len(gone) <= 1, len(added) <= 2) == (True, True)
    own = [rule.name for rule in spec.allow if rule.name]
    if own:
        name = data.draw(st.sampled_from(own))
        gone, added = changed(text, edit(text, remove([name])))
        assert len(added) <= 1
        assert len(gone) <= 5
        assert all(line.strip() not in {"# the head", "# why"} for line in gone)
        gone, added = changed(text, edit(text, pin({name: Pin(1, "f" * 64)})))
        assert len(gone) <= 1
        assert len(added) <= 3
    assert set(own) <= set(NAMES)
    assert {rule.match for rule in spec.deny} <= set(GLOBS)
