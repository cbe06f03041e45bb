"""The proof of release: who holds files, beside the tools that answer that by path."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from benchmarks.data import make_names, make_tree
from benchmarks.suite import Bench, Comparison, Side, say_seconds

TITLE = "Proof of release"
ABOUT = (
    "One look at the files of a directory among sleeping processes, ten of which hold one file each, so that holders "
    "must be named. Ours is the seconds inside the process for one look, after one at a single file that imports what "
    "is needed; the peers are whole processes. They are given the names, which do not fit on a command line at "
    "100,000: there `lsof` is given the directory. The processes are those that sleep; the machine's own are there "
    "besides. In the growth with the files, ten processes hold files of each directory."
)

_HELD = 10
_PROCESSES = 300
_FEWER = 30


def comparisons(bench: Bench) -> Iterator[Comparison]:
    with _crowd() as crowd:
        for files in bench.sizes:
            crowd.be({_models(bench, files): _PROCESSES})
            what, ours = _what(_PROCESSES), _ours(bench, files)
            yield Comparison(what, ours, _lsof(bench, files), files, 0.2 if files == 1_000 else None)
            yield Comparison(what, ours, _fuser(bench, files), files)
        crowd.be({_models(bench, files): _PROCESSES // len(bench.sizes) for files in bench.sizes})
        yield from bench.growth("who holds the files", lambda files: _ours(bench, files))
        models, ours = _models(bench, 1_000), _ours(bench, 1_000)
        crowd.be({models: _FEWER})
        yield Comparison(_what(_FEWER), ours, _lsof(bench, 1_000), 1_000)
        yield Comparison(_what(_FEWER), ours, _fuser(bench, 1_000), 1_000)
        many = replace(ours, prepare=lambda: crowd.be({models: _PROCESSES}))
        few = replace(ours, prepare=lambda: crowd.be({models: _FEWER}))
        factor = _PROCESSES / _FEWER
        what = f"who holds the files: growth from {_FEWER} processes, over {factor:g} times"
        yield Comparison(what, many, few, 1_000, scale=factor)


def _what(processes: int) -> str:
    return f"who holds the files, {processes} processes"


def _models(bench: Bench, files: int) -> str:
    return make_tree(bench.path(f"held-{files}"), make_names(files).all, 1)


def _ours(bench: Bench, files: int) -> Side:
    return bench.piece("ours", __name__, _models(bench, files))


def _lsof(bench: Bench, files: int) -> Side:
    if files < 100_000:
        return _by_name(bench, "lsof", files)
    return replace(bench.tool("lsof", "lsof", "+D", _models(bench, files)), codes=_SOME_FREE)


def _fuser(bench: Bench, files: int) -> Side:
    if files < 100_000:
        return _by_name(bench, "fuser", files)
    return Side("fuser", missing=f"{files:,} names do not fit on a command line")


def _by_name(bench: Bench, command: str, files: int) -> Side:
    side = bench.tool(command, command, *(make_names(files).all))
    return replace(side, cwd=_models(bench, files), codes=_SOME_FREE)


_SOME_FREE = frozenset({0, 1})
"""Both tools end with 1 where some of the files are held by nobody."""


class _Crowd:
    """Processes that sleep; the first few of those of a directory have a file of it as their standard input."""

    def __init__(self) -> None:
        self._processes: dict[str, list[subprocess.Popen[bytes]]] = {}

    def be(self, counts: Mapping[str, int]) -> None:
        """Have so many processes for each of these directories, and no others."""
        for models in {*self._processes, *counts}:
            processes = self._processes.setdefault(models, [])
            wanted = counts.get(models, 0)
            _end(processes[wanted:])
            del processes[wanted:]
            names = (
                make_names(int(models.rpartition("-")[2])).all[:_HELD] if len(processes) < min(wanted, _HELD) else []
            )
            for number in range(len(processes), wanted):
                with open(os.path.join(models, names[number]) if number < _HELD else os.devnull, "rb") as file:
                    processes.append(subprocess.Popen(["sleep", "3600"], stdin=file))


def _end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        process.kill()
    for process in processes:
        process.wait()


@contextmanager
def _crowd() -> Iterator[_Crowd]:
    """A crowd that is gone with the block."""
    crowd = _Crowd()
    try:
        yield crowd
    finally:
        crowd.be({})


def piece(models: str) -> None:
    from reconciler.facts import Hold
    from reconciler.holders import probe
    from reconciler.inventory import open_directory, take_inventory

    with open_directory(models) as (descriptor, directory):
        files = take_inventory(descriptor, directory).files
        probe(descriptor, files[:1])
        answers = say_seconds(lambda: probe(descriptor, files))
        held = sum(answer.hold is Hold.HELD for answer in answers)
        if held != _HELD:
            sys.exit(f"{held} files are held, not {_HELD}")


if __name__ == "__main__":
    piece(*sys.argv[1:])
