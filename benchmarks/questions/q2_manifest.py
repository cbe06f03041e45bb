"""The manifest: ours loads, validates and keeps every place; the peers build plain lists and dictionaries."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module

from benchmarks.data import exact_rules, make_names, manifest_text, write
from benchmarks.suite import Bench, Comparison, Side, say_seconds

TITLE = "Manifest"
ABOUT = (
    "Seconds inside the process, imports not counted: ours is load and validate with the place of every value, the "
    "peers build plain values and check nothing. A peer is left out at sizes where it takes minutes."
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
    return bench.piece("ours", __name__, "ours", manifest_of(bench, size))


def _pyyaml(bench: Bench, size: int) -> Side:
    name = "PyYAML CSafeLoader"
    if not bench.tools.get("PyYAML"):
        return Side(name, missing="PyYAML is not installed and could not be installed")
    return bench.piece(name, __name__, "pyyaml", manifest_of(bench, size), python=bench.peer_python())


def _ruamel(bench: Bench, kind: str, size: int) -> Side:
    names = {"safe": "ruamel.yaml, safe, C", "rt": "ruamel.yaml, round-trip"}
    return bench.piece(names[kind], __name__, kind, manifest_of(bench, size))


def piece(which: str, path: str) -> None:
    if which == "ours":
        load = import_module("reconciler.manifest.loader").load_manifest
        load(path)
        say_seconds(lambda: load(path))
        return
    with open(path, encoding="utf-8") as file:
        text = file.read()
    if which == "pyyaml":
        yaml = import_module("yaml")
        say_seconds(lambda: yaml.load(text, Loader=yaml.CSafeLoader))
    else:
        ruamel = import_module("ruamel.yaml")
        say_seconds(lambda: ruamel.YAML(typ=which).load(text))


if __name__ == "__main__":
    piece(*sys.argv[1:])
