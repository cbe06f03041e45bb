"""The difference of desired and observed, 11 % differing, beside plain sets and beside DeepDiff on everything."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from benchmarks.data import drifted_rules, make_names, manifest_text, write
from benchmarks.suite import Bench, Comparison, Side, say_seconds

if TYPE_CHECKING:
    from reconciler.facts import Inventory
    from reconciler.manifest.manifest import Manifest

TITLE = "Diff"
ABOUT = (
    "Seconds inside the process for one comparison, as in a command, after one of a hundred models that imports what "
    "is needed. From values to values: exact rules with sizes, of which 5 % are missing on disk and 1 % of another "
    "size, and 5 % of the files unwanted. Ours decides on every file, with a reason and a line."
)
_SMALL = 100


def comparisons(bench: Bench) -> Iterator[Comparison]:
    for size in bench.sizes:
        ours = _side(bench, "ours", size)
        target = 12 if size == 100_000 else None
        limit = "a decision with its reason and its line for every file, where sets give bare names"
        yield Comparison("diff", ours, _side(bench, "sets", size), size, target, limit=limit)
        yield Comparison("diff", ours, _side(bench, "deepdiff", size), size)
    limit = "the memory: so many decisions fit no cache of the processor, and plain sets grow as the next rows say"
    yield from bench.growth("diff", lambda size: _side(bench, "ours", size), limit=limit)
    yield from bench.growth("plain sets", lambda size: _side(bench, "sets", size), aimed=False)


def _side(bench: Bench, which: str, size: int) -> Side:
    name = {"ours": "ours", "sets": "plain sets", "deepdiff": "DeepDiff on everything"}[which]
    return bench.piece(name, __name__, which, _drifted(bench, _SMALL), _drifted(bench, size), str(size))


def _drifted(bench: Bench, size: int) -> str:
    text = manifest_text("/srv/models", drifted_rules(make_names(size)))
    return write(bench.path(f"drifted-{size}.yaml"), text)


def piece(which: str, small: str, path: str, size: str) -> None:
    from reconciler.manifest.loader import load_manifest

    compare = {"ours": _ours, "sets": _sets, "deepdiff": _deepdiff}[which]
    compare(load_manifest(small), _inventory(_SMALL))()
    say_seconds(compare(load_manifest(path), _inventory(int(size))))


def _ours(manifest: Manifest, inventory: Inventory) -> Callable[[], object]:
    from reconciler.planning.diff import compare

    return lambda: compare(manifest, inventory)


def _deepdiff(manifest: Manifest, inventory: Inventory) -> Callable[[], object]:
    from deepdiff import DeepDiff

    wanted, found = _sizes(manifest, inventory)
    return lambda: DeepDiff(wanted, found, threshold_to_diff_deeper=0)


def _sets(manifest: Manifest, inventory: Inventory) -> Callable[[], object]:
    wanted, found = _sizes(manifest, inventory)
    return lambda: _differing(wanted, found)


def _sizes(manifest: Manifest, inventory: Inventory) -> tuple[dict[str, int | None], dict[str, int]]:
    """The size of each wanted name, and of each that is there."""
    wanted = {rule.name: rule.size for rule in manifest.spec.allow if rule.name}
    return wanted, {file.name: file.size for file in inventory.files}


def _differing(wanted: dict[str, int | None], found: dict[str, int]) -> list[list[str]]:
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
