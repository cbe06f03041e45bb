"""Which files are meant where directories may be named too."""

from __future__ import annotations

import os
from collections.abc import Iterable

from reconciler.errors import Issue, ManifestError, Place

_SUFFIXES = (".yaml", ".yml")


def manifest_files(paths: Iterable[str]) -> list[str]:
    """The files named, and of each directory every YAML file below it, hidden ones left out; each once.

    ManifestError for a directory that cannot be read, or holds none. Symbolic links to directories are not followed.
    """
    found: dict[str, None] = {}
    for path in paths:
        found.update(dict.fromkeys(_below(path) if os.path.isdir(path) else [path]))
    return list(found)


def _below(path: str) -> list[str]:
    def fail(error: OSError) -> None:
        raise _fault(str(error.filename), f"cannot be read ({error.strerror})", "give this user permission")

    files = []
    for directory, names, leaves in os.walk(path, onerror=fail):
        names[:] = sorted(name for name in names if not name.startswith("."))
        files += [
            os.path.normpath(os.path.join(directory, leaf))
            for leaf in sorted(leaves)
            if leaf.endswith(_SUFFIXES) and not leaf.startswith(".")
        ]
    if not files:
        raise _fault(path, "holds no YAML file", "name a manifest, or a directory of manifests")
    return files


def _fault(path: str, what: str, remedy: str) -> ManifestError:
    return ManifestError((Issue(Place(path), what, remedy),))
