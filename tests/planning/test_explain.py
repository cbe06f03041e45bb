"""Differences told in words, however little two documents have in common."""

from __future__ import annotations

import subprocess
import sys

from deepdiff import DeepDiff

from reconciler.planning.explain import explain


def test_nothing_differs() -> None:
    assert explain({"a": 1}, {"a": 1}) == []


def test_changed_new_and_gone() -> None:
    assert explain({"a": 1, "b": 2, "same": 0}, {"a": 3, "c": 4, "same": 0}) == [
        "a is 3, expected 1",
        "b is gone: it was 2",
        "c is new: 4",
    ]


def test_kinds_that_differ() -> None:
    assert explain({"a": 1, "b": None}, {"a": "1", "b": ""}) == ["a is 1, expected 1", "b is , expected not set"]


def test_a_low_overlap_is_told_key_by_key() -> None:
    """By default DeepDiff folds it into one change of the root, which names no model."""
    desired = {f"wanted{number}": 1 for number in range(10)}
    observed = {f"found{number}": 1 for number in range(1000)}
    assert list(DeepDiff(desired, observed)) == ["values_changed"]
    assert len(explain(desired, observed)) == 1010


def test_nested_documents_are_told_by_path() -> None:
    assert explain({"m": {"size": 1, "x": 0}}, {"m": {"size": 2, "x": 0}}) == ["m.size is 2, expected 1"]


def test_keys_and_values_from_hostile_names() -> None:
    name = "it's [\"\n\udcff'].bin"
    assert explain({name: "a\udcff"}, {name: "b\n"}) == [f"{name} is b\n, expected a\udcff"]


def test_a_plan_without_differences_imports_no_deepdiff() -> None:
    code = "import sys, reconciler.planning.plan, reconciler.planning.drift; sys.exit('deepdiff' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
