"""The difference of desired and observed, 11 % differing, beside plain sets and beside DeepDiff on everything."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from benchmarks.data import drifted_rules, make_names, manifest_text, write
from benchmarks.suite import Bench, Comparison, Side, say_seconds

if TYPE_CHECKING:
    from reconciler.facts import Inventory
    from reconciler.manifest.manifest import Manifest

TITLE = "Diff"
ABOUT = (
    "Seconds inside the process, from values to values: exact rules with sizes, of which 5 % are missing on disk and "
    "1 % of another size, and 5 % of the files unwanted. Ours decides on every file, with a reason and a line."
)


def comparisons(bench: Bench) -> Iterator[Comparison]:
    for size in bench.sizes:
        ours = _side(bench, "ours", size)
        target = 12 if size == 100_000 else None
        limit = "a decision with its reason and its line for every file, where sets give bare names"
        yield Comparison("diff", ours, _side(bench, "sets", size), size, target, limit=limit)
        yield Comparison("diff", ours, _side(bench, "deepdiff", size), size)
    yield from bench.growth("diff", lambda size: _side(bench, "ours", size))


def _side(bench: Bench, which: str, size: int) -> Side:
    name = {"ours": "ours", "sets": "plain sets", "deepdiff": "DeepDiff on everything"}[which]
    text = manifest_text("/srv/models", drifted_rules(make_names(size)))
    return bench.piece(name, __name__, which, write(bench.path(f"drifted-{size}.yaml"), text), str(size))


def piece(which: str, path: str, size: str) -> None:
    from reconciler.manifest.loader import load_manifest

    manifest, inventory = load_manifest(path), _inventory(int(size))
    wanted = {rule.name: rule.size for rule in manifest.spec.allow if rule.name}
    found = {file.name: file.size for file in inventory.files}
    if which == "ours":
        _ours(manifest, inventory)
    elif which == "sets":
        say_seconds(lambda: _sets(wanted, found))
    else:
        from deepdiff import DeepDiff

        say_seconds(lambda: DeepDiff(wanted, found, threshold_to_diff_deeper=0))


def _ours(manifest: Manifest, inventory: Inventory) -> None:
    import reconciler.planning.explain  # noqa: F401  # not the import is measured
    from reconciler.planning.diff import compare

    say_seconds(lambda: compare(manifest, inventory))


def _sets(wanted: dict[str, int | None], found: dict[str, int]) -> list[list[str]]:
    """Missing, unwanted and changed names, sorted."""
    both = wanted.keys() & found.keys()
    changed = [name for name in both if wanted[name] != found[name]]
    return [sorted(names) for names in (wanted.keys() - found.keys(), found.keys() - wanted.keys(), changed)]


def _inventory(size: int) -> Inventory:
    from reconciler.facts import DirectoryFacts, FileFacts, Inventory

    files = (FileFacts(name, 1, number, 0, 10**18, 1, 0) for number, name in enumerate(make_names(size).all))
    return Inventory(DirectoryFacts("/srv/models", 1, 2), tuple(files))


if __name__ == "__main__":
    piece(*sys.argv[1:])
