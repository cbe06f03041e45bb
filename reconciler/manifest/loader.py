"""From a file to a Manifest, or to every fault of it at once.

`load_manifest` does it in one go. `read_document` and `validate_document` are its halves: reading costs little,
validating imports pydantic, and between the two a caller can `peek` and start the engine already.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.errors import Issue, ManifestError, Place
from reconciler.manifest.document import MAX_BYTES, Document, no_garbage_collection, parse
from reconciler.manifest.manifest import Manifest, absolute, engine_python
from reconciler.manifest.quantities import parse_seconds
from reconciler.phases import phase

__all__ = [
    "Document",
    "EngineHint",
    "Manifest",
    "load_manifest",
    "parse_manifest",
    "peek",
    "read_document",
    "validate_document",
]

_DISCOVERY = ("engine", "directory")


@dataclass(frozen=True, slots=True)
class EngineHint:
    """What starting the engine needs, as the manifest's validation will say it too. `timeout` is in seconds."""

    python: str | None
    timeout: float
    discovery: tuple[str, ...]
    model_path: str | None


def load_manifest(path: str | os.PathLike[str]) -> Manifest:
    """The manifest in a file; ManifestError with every fault of it."""
    return validate_document(read_document(path))


def parse_manifest(data: bytes, file: str) -> Manifest:
    """The manifest in some bytes; `file` is what faults and relative paths refer to. ManifestError as above."""
    return validate_document(parse(data, file))


def read_document(path: str | os.PathLike[str]) -> Document:
    """The YAML tree of a file; ManifestError if it cannot be read or is not YAML."""
    file = os.fsdecode(path)
    try:
        data = _read(file)
    except FileNotFoundError:
        raise _unreadable(file, "no such file", "check the path, or write a manifest there") from None
    except PermissionError:
        raise _unreadable(file, "may not be read", "give this user read permission") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise _unreadable(file, f"cannot be read ({reason})", "check the path") from None
    return parse(data, file)


def _read(file: str) -> bytes:
    """The bytes of a regular file, at most one more than may be. Does not wait for the writer of a FIFO."""
    descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise _unreadable(file, "is a directory", "name the manifest in it")
        if not stat.S_ISREG(mode):
            raise _unreadable(file, "is not a regular file", "write the manifest to a file first")
        with open(descriptor, "rb", closefd=False) as stream:
            return stream.read(MAX_BYTES + 1)
    finally:
        os.close(descriptor)


def _unreadable(file: str, what: str, remedy: str) -> ManifestError:
    return ManifestError((Issue(Place(file), what, remedy),))


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
    texts = all(text is None or (isinstance(text, str) and text) for text in (python, path))
    ways = isinstance(discovery, list) and discovery and all(way in _DISCOVERY for way in discovery)
    if document.issues or not texts or not ways or not 0 < timeout <= 86400:
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
    directory = _directory(document.file)
    return Manifest(model_set.metadata, model_set.spec, document.file, document.digest, directory, marks)


def _directory(file: str) -> str:
    return os.path.join(os.getcwd(), os.path.dirname(file))
