"""The inventory: every file with the evidence of it, beside the tools that walk the same directory."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

from benchmarks.data import make_names, make_tree
from benchmarks.suite import Bench, Comparison, Side, say_seconds

TITLE = "Inventory"
ABOUT = (
    "One scan of half the files at depth 1 and half at depth 2. Ours is the seconds inside the process, the peers are "
    "whole processes. `rsync` compares with an empty directory: it walks this one to say what it would delete."
)


def comparisons(bench: Bench) -> Iterator[Comparison]:
    empty = bench.path("empty")
    os.makedirs(empty, exist_ok=True)
    for size in bench.sizes:
        models = _models(bench, size)
        ours = _ours(bench, size)
        find = bench.tool("find -printf", "find", models, "-type", "f", "-printf", r"%P %D %i %s %T@ %n %b\n")
        target = 1.9 if size == 100_000 else None
        yield Comparison("scan", ours, find, size, target, limit="a Python object for each file, next to C")
        rsync = bench.tool("rsync -an --delete", "rsync", "-anv", "--delete", empty + "/", models + "/")
        yield Comparison("scan", ours, rsync, size)
        rclone = bench.tool("rclone lsf", "rclone", "lsf", "-R", "--files-only", "--format", "pst", models)
        yield Comparison("scan", ours, rclone, size)
    yield from bench.growth("scan", lambda size: _ours(bench, size))


def _models(bench: Bench, size: int) -> str:
    return make_tree(bench.path(f"models-{size}"), make_names(size).all)


def _ours(bench: Bench, size: int) -> Side:
    return bench.piece("ours", __name__, _models(bench, size))


def piece(path: str) -> None:
    from reconciler.inventory import open_directory, take_inventory

    def scan() -> None:
        with open_directory(path) as (descriptor, directory):
            take_inventory(descriptor, directory)

    say_seconds(scan)


if __name__ == "__main__":
    piece(*sys.argv[1:])
