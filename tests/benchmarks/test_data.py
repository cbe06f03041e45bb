from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks.data import (
    LANGUAGES,
    MTIME,
    drifted_rules,
    exact_rules,
    glob_rules,
    make_file,
    make_names,
    make_tree,
    manifest_text,
    write,
)
from reconciler.manifest.loader import load_manifest
from reconciler.planning.plan import Plan
from reconciler.planning.verdicts import Verdict
from reconciler.workflow import Reconciler


@pytest.mark.parametrize("count", [1, 10, 1000])
def test_names_are_the_same_in_every_run_and_all_different(count):
    names = make_names(count)
    assert names == make_names(count)
    assert len(set(names.all)) == count
    assert all(name.count("/") <= 1 for name in names.all)


def test_another_seed_gives_other_names():
    assert make_names(10, seed=1) != make_names(10, seed=2)


def test_eleven_percent_are_old():
    assert len(make_names(1000).old) == 110


@pytest.mark.parametrize("size", [0, 3])
def test_a_tree_holds_its_names_and_nothing_else(tmp_path, size):
    names = make_names(30).all
    root = make_tree(str(tmp_path / "models"), names, size)
    found = {os.path.relpath(os.path.join(at, file), root) for at, _, files in os.walk(root) for file in files}
    assert found == set(names)
    status = os.stat(os.path.join(root, names[0]))
    assert (status.st_size, status.st_mtime) == (size, MTIME)


def test_a_complete_tree_is_used_again_and_an_incomplete_one_is_not(tmp_path):
    path = str(tmp_path / "models")
    make_tree(path, ["a.bin"])
    make_tree(path, ["b.bin"])
    assert os.listdir(path) == ["a.bin"]
    os.unlink(f"{path}.complete")
    make_tree(path, ["b.bin"])
    assert os.listdir(path) == ["b.bin"]


@pytest.mark.parametrize("kind", ["globs", "exact"])
def test_a_plan_deletes_just_the_old_ones(tmp_path, kind):
    names = make_names(200)
    models = make_tree(str(tmp_path / "models"), names.all)
    rules = glob_rules() if kind == "globs" else exact_rules(names.wanted)
    plan = _plan(tmp_path, models, rules)
    assert [decision.name for decision in plan.deletions] == list(names.old)
    assert plan.counts == {Verdict.KEEP: len(names.wanted), Verdict.DELETE: len(names.old)}


def test_eleven_percent_of_a_drifted_manifest_differ(tmp_path):
    names = make_names(1000)
    models = make_tree(str(tmp_path / "models"), names.all)
    plan = _plan(tmp_path, models, drifted_rules(names))
    differing = {verdict: plan.counts[verdict] for verdict in (Verdict.DELETE, Verdict.MISSING, Verdict.MISMATCH)}
    assert differing == {Verdict.DELETE: 50, Verdict.MISSING: 50, Verdict.MISMATCH: 10}


def test_every_language_has_a_glob():
    assert len(glob_rules()) == len(LANGUAGES)


def _plan(directory: Path, models: str, rules: list[str]) -> Plan:
    manifest = write(str(directory / "models.yaml"), manifest_text(models, rules))
    return Reconciler(load_manifest(manifest)).plan()


def test_a_large_file_is_made_once_and_again_for_another_size(tmp_path):
    path = make_file(str(tmp_path / "large.bin"), 2**23)
    made = os.stat(path)
    assert made.st_size == 2**23
    assert os.stat(make_file(path, 2**23)).st_mtime_ns == made.st_mtime_ns
    assert os.stat(make_file(path, 2**24)).st_size == 2**24
