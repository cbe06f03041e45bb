"""Verify: the digests of files whose content is in memory, beside what only reads or only hashes them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import replace

from benchmarks.data import make_file, make_names, make_tree
from benchmarks.suite import Bench, Comparison, Side, say_seconds

TITLE = "Verify"
ABOUT = (
    "The SHA-256 of files that are in the page cache; nothing is remembered between runs. Ours is the seconds inside "
    "the process, with the checks that the file is and stays the one that was looked at; the peers are whole "
    "processes. Many files have 4 KiB each: ours hashes them in a thread for each core, four at the most, after the "
    "walk, which is not counted; a peer is one process and gets them from `find`, whose walk is counted. In the row "
    "of two threads over one, `ours` is one file and `theirs` two at once: its ratio is that of bytes in a second."
)

_MIB = 2**20
_HASH = "both call the same SHA-256 of OpenSSL; what is left is reading"
_SMALL = 4 << 10
_CORES = "the second core: what else runs on it, and how much of the memory's bandwidth two cores share"


def comparisons(bench: Bench) -> Iterator[Comparison]:
    size = 1024 * _MIB if bench.thorough else 256 * _MIB
    models = bench.path(f"verify-{size // _MIB}")
    os.makedirs(models, exist_ok=True)
    first, second = (os.path.basename(make_file(os.path.join(models, f"{number}.bin"), size)) for number in range(2))
    what = f"verify, one file of {size // _MIB} MiB"
    one = _ours("ours", bench, models, first)
    file = os.path.join(models, first)
    openssl = bench.tool("openssl dgst -sha256", "openssl", "dgst", "-sha256", file)
    yield Comparison(what, one, openssl, 1, 1.03, limit=_HASH)
    yield Comparison(what, one, bench.tool("cat", "cat", file), 1)
    two = _ours("two files, two threads", bench, models, first, second)
    what = "verify, throughput with two threads over one"
    yield Comparison(what, replace(one, name="one file, one thread"), two, 2, 1.85, True, 0.5, limit=_CORES)
    for files in bench.sizes:
        many = _many(bench, files)
        for name, command in (("openssl dgst -sha256", ("openssl", "dgst", "-sha256")), ("cat", ("cat",))):
            peer = bench.tool(name, "find", _small(bench, files), "-type", "f", "-exec", *command, "{}", "+")
            yield Comparison("verify, many files", many, peer, files)
    yield from bench.growth("verify, many files", lambda files: _many(bench, files))


def _ours(name: str, bench: Bench, models: str, *names: str) -> Side:
    return bench.piece(name, __name__, models, *names)


def _small(bench: Bench, files: int) -> str:
    return make_tree(bench.path(f"small-{files}"), make_names(files).all, _SMALL)


def _many(bench: Bench, files: int) -> Side:
    """Every file of a directory."""
    return _ours("ours", bench, _small(bench, files))


def piece(models: str, *names: str) -> None:
    from reconciler.integrity import digests_of
    from reconciler.inventory import open_directory, take_inventory

    with open_directory(models) as (descriptor, directory):
        files = [file for file in take_inventory(descriptor, directory).files if not names or file.name in names]
        nowhere = os.path.join(os.devnull, "digests")
        found = say_seconds(lambda: digests_of(descriptor, files, progress=lambda _done, _total: None, cache=nowhere))
        if len(found) != (len(names) or len(files)) or any(digest.fault for digest in found.values()):
            sys.exit(f"not verified: {found}")


if __name__ == "__main__":
    piece(*sys.argv[1:])
