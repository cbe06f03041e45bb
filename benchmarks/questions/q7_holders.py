"""The proof of release: who holds a thousand files, beside the tools that answer that by path."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.data import make_names, make_tree
from benchmarks.suite import Bench, Comparison, Side, say_seconds

TITLE = "Proof of release"
ABOUT = (
    "One look at the files of a directory among sleeping processes, ten of which hold one file each, so that holders "
    "must be named. Ours is the seconds inside the process, the peers are whole processes."
)

_HELD = 10


def comparisons(bench: Bench) -> Iterator[Comparison]:
    for files, processes in ((100, 300), (1000, 100), (1000, 300)):
        with _sleepers(_models(bench, files), processes):
            target = 0.2 if (files, processes) == (1000, 300) else None
            ours = _ours(bench, files)
            what = f"who holds {files:,} files, {processes} processes"
            yield Comparison(what, ours, _by_path(bench, "lsof", files), files, target)
            yield Comparison(what, ours, _by_path(bench, "fuser", files), files)
    with _sleepers(_models(bench, 100), 150), _sleepers(_models(bench, 1000), 150):
        yield Comparison("files: growth from 100, over 10 times", _ours(bench, 1000), _ours(bench, 100), 1000, scale=10)


def _models(bench: Bench, files: int) -> str:
    return make_tree(bench.path(f"held-{files}"), make_names(files).all, 1)


def _ours(bench: Bench, files: int) -> Side:
    return bench.piece("ours", __name__, _models(bench, files))


def _by_path(bench: Bench, command: str, files: int) -> Side:
    """Both end with 1 where some of the files are held by nobody."""
    side = bench.tool(command, command, *(make_names(files).all))
    return Side(side.name, side.argv, _models(bench, files), codes=frozenset({0, 1}), missing=side.missing)


@contextmanager
def _sleepers(models: str, count: int) -> Iterator[None]:
    """So many processes that sleep; the first few have a file of the directory as their standard input."""
    names = make_names(int(models.rpartition("-")[2])).all
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for number in range(count):
            name = os.path.join(models, names[number]) if number < _HELD else os.devnull
            with open(name, "rb") as file:
                processes.append(subprocess.Popen(["sleep", "3600"], stdin=file))
        yield
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.wait()


def piece(models: str) -> None:
    from reconciler.facts import Hold
    from reconciler.holders import probe
    from reconciler.inventory import open_directory, take_inventory

    with open_directory(models) as (descriptor, directory):
        files = take_inventory(descriptor, directory).files
        held = sum(answer.hold is Hold.HELD for answer in probe(descriptor, files))
        if held != _HELD:
            sys.exit(f"{held} files are held, not {_HELD}")
        say_seconds(lambda: probe(descriptor, files))


if __name__ == "__main__":
    piece(*sys.argv[1:])
