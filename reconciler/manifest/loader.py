"""From a file to a Manifest, or to every fault of it at once.

`load_manifest` does it in one go. `read_document` and `validate_document` are its halves: reading costs little,
validating imports pydantic, and between the two a caller can `peek` and start the engine already.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from reconciler.errors import ManifestError
from reconciler.manifest.document import Document, no_garbage_collection, parse, parse_all
from reconciler.manifest.manifest import Manifest, absolute, engine_python
from reconciler.manifest.quantities import parse_seconds
from reconciler.manifest.reading import read_bytes, unreadable
from reconciler.phases import phase

__all__ = [
    "Document",
    "EngineHint",
    "Manifest",
    "load_manifest",
    "parse_document",
    "parse_manifest",
    "peek",
    "read_bytes",
    "read_document",
    "read_documents",
    "validate_document",
]

_DISCOVERY = ("engine", "directory")

Settings = Mapping[str, str]
NO_SETTINGS: Settings = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class EngineHint:
    """What starting the engine needs, as the manifest's validation will say it too. `timeout` is in seconds."""

    python: str | None
    timeout: float
    discovery: tuple[str, ...]
    model_path: str | None


def load_manifest(path: str | os.PathLike[str], settings: Settings = NO_SETTINGS) -> Manifest:
    """The manifest in a file, with what it extends; ManifestError with every fault of it.

    `settings` are values of its variables by name, as `--set` gives them.
    """
    return validate_document(read_document(path, settings))


def parse_manifest(data: bytes, file: str, settings: Settings = NO_SETTINGS) -> Manifest:
    """The manifest in some bytes; `file` is what faults and relative paths refer to. ManifestError as above."""
    return validate_document(parse_document(data, file, settings))


def read_document(path: str | os.PathLike[str], settings: Settings = NO_SETTINGS) -> Document:
    """The YAML tree of a file, laid over what it extends and with its variables put in.

    ManifestError if something cannot be read or is not YAML.
    """
    file = os.fsdecode(path)
    return parse_document(read_bytes(file), file, settings)


@phase("manifest")
def parse_document(data: bytes, file: str, settings: Settings = NO_SETTINGS) -> Document:
    """As `read_document`, of bytes that were read already; `file` is what faults and relative paths refer to."""
    return _complete(parse(data, file), settings)


def read_documents(path: str | os.PathLike[str], settings: Settings = NO_SETTINGS) -> list[Document]:
    """As `read_document`, of every document in a file."""
    file = os.fsdecode(path)
    return [_complete(document, settings) for document in parse_all(read_bytes(file), file)]


def _complete(document: Document, settings: Settings) -> Document:
    from reconciler.manifest.overlay import extended
    from reconciler.manifest.variables import substituted

    with no_garbage_collection():
        laid = extended(document, lambda file: parse(read_bytes(file), file))
        return _rebased(substituted(laid, settings))


def _rebased(document: Document) -> Document:
    """Relative paths that a file of another directory says, relative to the manifest; changes the tree."""
    home = os.path.dirname(document.file)
    for *path, key in (("spec", "modelPath"), ("spec", "engine", "python")) if len(document.files) > 1 else ():
        parent = document.value(tuple(path))
        value = parent.get(key) if isinstance(parent, dict) else None
        if not isinstance(value, str) or not value or (key == "python" and "/" not in value):
            continue
        there = os.path.dirname(document.place((*path, key)).file)
        if there != home:
            parent[key] = os.path.join(os.path.relpath(there or ".", home or "."), value)
    return document


def peek(document: Document) -> EngineHint | None:
    """What the engine needs, without pydantic; None when it is not plainly valid, so that validation must say."""
    try:
        spec = document.root["spec"]
        engine = spec.get("engine", {})
        python, path = engine.get("python"), spec.get("modelPath")
        timeout = parse_seconds(engine.get("timeout", 60.0))
        discovery = spec.get("discovery", list(_DISCOVERY))
    except (AttributeError, LookupError, TypeError, ValueError):
        return None
    if document.issues:
        return None
    texts = all(text is None or (isinstance(text, str) and text) for text in (python, path))
    ways = isinstance(discovery, list) and discovery and all(way in _DISCOVERY for way in discovery)
    if not texts or not ways or not 0 < timeout <= 86400:
        return None
    directory = _directory(document.file)
    return EngineHint(engine_python(python, directory), timeout, tuple(discovery), absolute(path, directory))


@phase("manifest")
def validate_document(document: Document) -> Manifest:
    """The manifest that a document is; ManifestError with every fault, in the order of the file."""
    from pydantic import ValidationError

    from reconciler.manifest.checks import SECTIONS, Checks
    from reconciler.manifest.schema import ModelSet
    from reconciler.manifest.wording import issues_of

    try:
        with no_garbage_collection():
            issues = [*document.issues, *Checks(document).run()]
            model_set = ModelSet.model_validate(document.root, by_alias=True, by_name=False)
    except ValidationError as error:
        issues += issues_of(error, document)
    if issues:
        raise ManifestError(tuple(sorted(issues, key=lambda issue: issue.place)))
    spec: Mapping[str, Any] = document.root["spec"]
    marks = {section: document.marks.get(id(spec.get(section)), []) for section in SECTIONS}
    plain = model_set.spec.model_copy(update={"extends": (), "variables": {}})
    directory = _directory(document.file)
    return Manifest(model_set.metadata, plain, document.file, document.digest, directory, marks, document.files)


def _directory(file: str) -> str:
    """The absolute path of the directory that a file is in; asks for the working directory only if it matters."""
    directory = os.path.dirname(file)
    if os.path.isabs(directory):
        return directory
    try:
        return os.path.join(os.getcwd(), directory)
    except FileNotFoundError:
        raise unreadable(file, "the working directory is gone", "change to one, or give an absolute path") from None
