"""The manifest: ours loads, validates and keeps every place; the peers build plain lists and dictionaries."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib import import_module

from benchmarks.data import exact_rules, make_names, manifest_text, write
from benchmarks.suite import Bench, Comparison, Side, say_seconds

TITLE = "Manifest"
ABOUT = (
    "Seconds inside the process for one load, as in a command, after one of ten entries that imports and builds what "
    "is needed: ours is load and validate with the place of every value, the peers build plain values and check "
    "nothing. A peer is left out at sizes where it takes minutes."
)

_RULES = "a mapping, four places and pydantic's validation for every rule"


def comparisons(bench: Bench) -> Iterator[Comparison]:
    for size in bench.sizes:
        ours = _ours(bench, size)
        yield Comparison(
            "load and validate", ours, _pyyaml(bench, size), size, 0.6 if size == 10_000 else None, limit=_RULES
        )
        yield Comparison("load and validate", ours, _ruamel(bench, "safe", size), size)
        if size in bench.sizes[:-1]:  # it takes minutes at the largest
            yield Comparison("load and validate", ours, _ruamel(bench, "rt", size), size)
    yield from bench.growth("load and validate", lambda size: _ours(bench, size))


def manifest_of(bench: Bench, size: int) -> str:
    """A manifest of `size` exact entries with sizes."""
    return write(
        bench.path(f"entries-{size}.yaml"), manifest_text("/srv/models", exact_rules(make_names(size).all[:size]))
    )


def _ours(bench: Bench, size: int) -> Side:
    return _side(bench, "ours", "ours", size)


def _pyyaml(bench: Bench, size: int) -> Side:
    name = "PyYAML CSafeLoader"
    if not bench.tools.get("PyYAML"):
        return Side(name, missing="PyYAML is not installed and could not be installed")
    return _side(bench, name, "pyyaml", size, python=bench.peer_python())


def _ruamel(bench: Bench, kind: str, size: int) -> Side:
    names = {"safe": "ruamel.yaml, safe, C", "rt": "ruamel.yaml, round-trip"}
    return _side(bench, names[kind], kind, size)


def _side(bench: Bench, name: str, which: str, size: int, python: str | None = None) -> Side:
    return bench.piece(name, __name__, which, manifest_of(bench, 10), manifest_of(bench, size), python=python)


def piece(which: str, small: str, path: str) -> None:
    load = _loader(which)
    load(small)
    say_seconds(lambda: load(path))


def _loader(which: str) -> Callable[[str], object]:
    """What loads the manifest at a path."""
    if which == "ours":
        load: Callable[[str], object] = import_module("reconciler.manifest.loader").load_manifest
        return load
    if which == "pyyaml":
        yaml = import_module("yaml")
        return lambda path: yaml.load(_text(path), Loader=yaml.CSafeLoader)
    ruamel = import_module("ruamel.yaml")
    return lambda path: ruamel.YAML(typ=which).load(_text(path))


def _text(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()


if __name__ == "__main__":
    piece(*sys.argv[1:])
