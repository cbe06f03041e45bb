"""`spec.extends`: a manifest laid over those that it extends.

Layers are read depth first, what is extended before what extends it, and a file that is reached twice counts
where it is reached first. Merging two layers is associative, so it does not matter how they are grouped.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple, Protocol

from reconciler.errors import Issue, ManifestError, Place
from reconciler.facts import digest_of
from reconciler.manifest.checks import SECTIONS, subject
from reconciler.manifest.document import FILE, Document, parse

REMOVE = "$remove"
MAX_FILES = 100
_IDENTITY = ("apiVersion", "kind")


class Files(Protocol):
    """Where manifests are read from. A `file` is named as faults and verdicts show it, a path is where it lies."""

    def path(self, file: str) -> str:
        """The path of a file."""

    def named(self, path: str) -> str:
        """The file at a path."""

    def real(self, path: str) -> str:
        """The one path of what is at `path`, which has no NUL."""

    def root(self, path: str) -> str:
        """The real path of the directory that nothing extended from `path` may be outside of."""

    def read(self, file: str) -> bytes:
        """What is in a file; ManifestError if it cannot be read."""


class Tree(NamedTuple):
    """A value with the marks of every container in it, as in a Document."""

    value: Any
    marks: dict[int, list[int]]


def extended(document: Document, files: Files) -> Document:
    """The document laid over all that it extends; ManifestError with every fault of reading them."""
    if not _paths(document) and not (document.dollars and _mentions_remove(document.root)):
        return document
    path = files.path(document.file)
    layers = _Layers(files, files.root(path))
    layers.add(document, files.real(path))
    if layers.faults:
        raise ManifestError(tuple(layers.faults))
    return _merged(document, layers.found)


def _paths(document: Document) -> list[Any]:
    paths = document.value(("spec", "extends"))
    return paths if isinstance(paths, list) else []


def _mentions_remove(value: Any) -> bool:
    """Whether `$remove` stands where it means something."""
    if not isinstance(value, dict):
        return False
    if REMOVE in value:
        return True
    lists = (value[section] for section in SECTIONS if isinstance(value.get(section), list))
    return any(map(_mentions_remove, value.values())) or any(
        type(item) is dict and REMOVE in item for items in lists for item in items
    )


class _Layers:
    """Reads what a manifest extends. `found` holds the layers in the order in which they are laid."""

    def __init__(self, files: Files, root: str) -> None:
        self.found: list[Document] = []
        self.faults: list[Issue] = []
        self._files = files
        self._root = root
        self._open: list[str] = []  # what is being read now, from the outermost on
        self._seen: set[str] = set()

    def add(self, document: Document, real: str) -> None:
        """Add what `document` extends, and then itself."""
        self._seen.add(real)
        self._open.append(real)
        for index, path in enumerate(_paths(document)):
            if isinstance(path, str) and path:
                self._follow(document, index, path)
        self._open.pop()
        self.found.append(document)

    def _follow(self, document: Document, index: int, path: str) -> None:
        place = document.place(("spec", "extends", index))
        there = os.path.join(os.path.dirname(self._files.path(document.file)), path)
        real = self._files.real(there) if "\0" not in there else ""
        if fault := self._fault(path, real):
            self.faults.append(Issue(place, *fault))
        elif real not in self._seen:
            tidy = os.path.normpath(there)
            file = self._files.named(tidy if self._files.real(tidy) == real else there)
            try:
                base = parse(self._files.read(file), file)
            except ManifestError as error:
                self._seen.add(real)
                self.faults += [_reached(issue, place) for issue in error.issues]
                return
            self._check_identity(base)
            self.add(base, real)

    def _fault(self, path: str, real: str) -> tuple[str, str] | None:
        if os.path.isabs(path) or not real:
            return f"`{path}` is not a relative path", "write the path from this file to the one that it extends"
        if os.path.commonpath([real, self._root]) != self._root:
            return f"`{path}` is outside of {self._root}", "extend manifests of the same repository only"
        if real in self._open:
            return f"`{path}` extends this file in turn", "leave one of the two out"
        if len(self._seen) >= MAX_FILES:
            return f"more than {MAX_FILES} files", "extend fewer"
        return None

    def _check_identity(self, base: Document) -> None:
        for key in _IDENTITY:
            if not isinstance(base.value((key,)), str):
                self.faults.append(
                    Issue(base.place(()), f"`{key}` is missing", "add it; what is extended is a manifest")
                )


def _reached(issue: Issue, place: Place) -> Issue:
    """A fault of a file as a whole, told at the line that names the file."""
    return issue if issue.place.line else Issue(place, f"{issue.place.file}: {issue.what}", issue.remedy)


def _merged(document: Document, layers: list[Document]) -> Document:
    own = layers.pop()
    files = (own.file, *(layer.file for layer in layers))
    numbered = [*enumerate(layers, 1), (0, own)]
    issues = [issue for _, layer in numbered for issue in layer.issues]
    merged = Tree({}, {})
    for number, layer in numbered:
        shifted = Tree(layer.root, {key: [mark + number * FILE for mark in m] for key, m in layer.marks.items()})
        for place, what in _useless_removals(merged.value, layer):
            issues.append(Issue(place, what, "leave it out, or correct what it names"))
        merged = merge(merged, shifted) if isinstance(layer.root, dict) else shifted
    digest = digest_of("".join([own.digest, *(layer.digest for layer in layers)]).encode()) if layers else own.digest
    root, marks = _without_removals(merged)
    dollars = any(layer.dollars for _, layer in numbered)
    return replace(document, files=files, digest=digest, root=root, marks=marks, issues=tuple(issues), dollars=dollars)


def merge(base: Tree, over: Tree, key: str = "") -> Tree:
    """`over` laid on `base`: mappings merge, rules append or replace, anything else is replaced. Associative.

    `key` is the one that both are values of. What `$remove` names goes first, and stays named for a later base.
    """
    if isinstance(base.value, dict) and isinstance(over.value, dict):
        return _merged_mappings(base, over)
    if key in SECTIONS and isinstance(base.value, list) and isinstance(over.value, list):
        return _merged_rules(base, over, key)
    return over


def _merged_mappings(base: Tree, over: Tree) -> Tree:
    removed = {name for _, name in _removed_keys(over)}
    values: dict[str, Any] = {}
    places: dict[str, list[int]] = {}
    marks = base.marks | over.marks
    for tree in (base, over):
        own = tree.marks.get(id(tree.value), [])
        for index, (key, value) in enumerate(tree.value.items()):
            if tree is base and key in removed:
                continue
            if key == REMOVE and key in values:
                value, added = _joined(values[key], value, marks)  # noqa: PLW2901
                marks |= added
            elif key in values:
                value, added = merge(Tree(values[key], marks), Tree(value, marks), key)  # noqa: PLW2901
                marks |= added
            values[key], places[key] = value, own[2 * index : 2 * index + 2]
    marks[id(values)] = [mark for pair in places.values() for mark in pair]
    return Tree(values, marks)


def _joined(first: Any, second: Any, marks: dict[int, list[int]]) -> Tree:
    """The names of two `$remove`, each once, in the order of the later."""
    names = {
        name: mark
        for value in (second, first)
        if isinstance(value, list)
        for name, mark in zip(value, marks[id(value)], strict=True)
        if isinstance(name, str)
    }
    ordered = sorted(names)
    return Tree(ordered, {id(ordered): [names[name] for name in ordered]})


def _merged_rules(base: Tree, over: Tree, section: str) -> Tree:
    removed = {name for _, name in _removed_rules(over)}
    kept = list(_items(base))
    kept = [(item, mark) for item, mark in kept if removed.isdisjoint(_texts(item, section))]
    where = {about: index for index, (item, _) in enumerate(kept) if (about := subject(item, section))[0]}
    for item, mark in _items(over):
        index = where.pop(subject(item, section), None)
        if index is None:
            kept.append((item, mark))
        else:
            kept[index] = item, mark
    values = [item for item, _ in kept]
    return Tree(values, base.marks | over.marks | {id(values): [mark for _, mark in kept]})


def _items(tree: Tree) -> Iterator[tuple[Any, int]]:
    return zip(tree.value, tree.marks[id(tree.value)], strict=True)


def _texts(item: Any, section: str) -> set[str]:
    """What `$remove` can name to remove this item: the name or the glob of a rule; of a removal, its own."""
    if isinstance(item, dict) and REMOVE in item:
        return {item[REMOVE]} if isinstance(item[REMOVE], str) else set()
    text, _ = subject(item, section)
    return {text} if text else set()


def _removed_keys(tree: Tree) -> list[tuple[int, str]]:
    names = tree.value.get(REMOVE)
    return [(index, name) for index, name in enumerate(names) if isinstance(name, str)] if type(names) is list else []


def _removed_rules(tree: Tree) -> list[tuple[int, str]]:
    """Index and text of each `{$remove: TEXT}` in a list of rules."""
    return [
        (index, item[REMOVE])
        for index, item in enumerate(tree.value)
        if isinstance(item, dict) and set(item) == {REMOVE} and isinstance(item[REMOVE], str)
    ]


def _useless_removals(base: Any, layer: Document) -> Iterator[tuple[Place, str]]:
    """Each `$remove` of a layer that finds nothing in what it is laid on."""
    pending: list[tuple[Any, Any, tuple[str | int, ...]]] = [(base, layer.root, ())]
    while pending:
        below, value, path = pending.pop()
        if isinstance(value, dict):
            found = below if isinstance(below, dict) else {}
            for index, name in _removed_keys(Tree(value, {})):
                if name not in found:
                    yield layer.place((*path, REMOVE, index)), f"there is no `{name}` to remove here"
            pending += [(found.get(key), inner, (*path, key)) for key, inner in value.items()]
        elif isinstance(value, list) and path and path[-1] in SECTIONS:
            section = str(path[-1])
            texts = {text for item in (below if isinstance(below, list) else []) for text in _texts(item, section)}
            for index, name in _removed_rules(Tree(value, {})):
                if name not in texts:
                    yield layer.place((*path, index)), f"there is no rule `{name}` to remove from `{section}`"


def _without_removals(tree: Tree) -> Tree:
    """The tree without any well-formed `$remove`; what is left of them is for the schema to complain about."""
    value, marks = tree
    if isinstance(value, dict):
        _strip_mapping(value, marks)
    return tree


def _strip_mapping(value: dict[str, Any], marks: dict[int, list[int]]) -> None:
    names = value.get(REMOVE)
    if isinstance(names, list) and names and all(isinstance(name, str) for name in names):
        index = list(value).index(REMOVE)
        del value[REMOVE]
        del marks[id(value)][2 * index : 2 * index + 2]
    for key, inner in value.items():
        if isinstance(inner, dict):
            _strip_mapping(inner, marks)
        elif key in SECTIONS and isinstance(inner, list):
            for index, _ in reversed(_removed_rules(Tree(inner, marks))):
                del inner[index]
                del marks[id(inner)][index]
