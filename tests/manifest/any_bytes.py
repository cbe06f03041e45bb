"""What the loader owes to bytes of any kind: a manifest, or faults that say what, where and what to do."""

from __future__ import annotations

import os
from contextlib import suppress

from reconciler.errors import Issue, ManifestError
from reconciler.manifest.document import parse, parse_all
from reconciler.manifest.lint import warnings_of
from reconciler.manifest.loader import parse_manifest, peek

BASE = b"\n# what it extends:\n"
"""Divides the bytes of a manifest from those of every manifest that it extends."""


class _Bases:
    """A directory in which every file holds the same."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def path(self, file: str) -> str:
        return file

    def named(self, path: str) -> str:
        return path

    def real(self, path: str) -> str:
        return os.path.normpath(os.path.join("/there", path))

    def root(self, path: str) -> str:  # noqa: ARG002  # the one of all
        return "/there"

    def read(self, file: str) -> bytes:  # noqa: ARG002  # every file is the same
        return self._data


def load_or_explain(data: bytes) -> None:
    """Load a manifest; AssertionError for faults that say too little, and whatever else the loader raises."""
    data, _, base = data.partition(BASE)
    with suppress(ManifestError):
        for document in parse_all(data, "m.yaml"):
            peek(document)
    with suppress(ManifestError):
        peek(parse(data, "m.yaml"))
    faults: tuple[Issue, ...]
    try:
        faults = tuple(warnings_of(parse_manifest(data, "m.yaml", files=_Bases(base))))
    except ManifestError as error:
        faults = error.issues
        assert faults, "an error without a fault"
    for fault in faults:
        assert fault.what, fault
        assert fault.remedy, fault
        assert fault.place.line > 0, fault
        assert fault.place.column > 0, fault
        assert fault.place.file, fault
