"""A manifest with all that it extends and its variables put in, as YAML that loads to the same manifest."""

from __future__ import annotations

from typing import Any

from reconciler.manifest.document import Document
from reconciler.manifest.emit import block
from reconciler.manifest.loader import validate_document

_RESOLVED = ("extends", "variables")


def rendered(document: Document) -> str:
    """The text of a read document, to be put where the manifest is; ManifestError with every fault of it."""
    validate_document(document)
    root = dict(document.root)
    root["spec"] = {key: value for key, value in root["spec"].items() if key not in _RESOLVED}
    return "".join(line + "\n" for line in block(_escaped(root)))


def _escaped(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _escaped(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_escaped(inner) for inner in value]
    return value.replace("${", "$${") if isinstance(value, str) else value
