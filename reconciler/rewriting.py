"""Edits of manifests on disk: read, changed, written whole or not at all."""

from __future__ import annotations

import os
import stat

from reconciler.errors import UsageError
from reconciler.manifest.edit import Change, edited
from reconciler.manifest.loader import Settings, read_bytes
from reconciler.names import printable
from reconciler.writing import write_whole


def edit_file(path: str, change: Change, settings: Settings) -> bool:
    """Change a manifest; says whether that made a difference. ManifestError and UsageError as `edited`."""
    before = read_bytes(path)
    after = edited(before, path, change, settings)
    if after != before:
        replace_file(path, after)
    return after != before


def replace_file(path: str, data: bytes) -> None:
    """Write a file whole or not at all, keeping its mode and following symbolic links.

    Raises UsageError where that cannot be done; the file is then as it was.
    """
    target = os.path.realpath(path)
    try:
        write_whole(target, data, stat.S_IMODE(os.stat(target).st_mode))
    except OSError as error:
        message = f"{printable(path)}: cannot be written: {error.strerror}; make it and its directory writable"
        raise UsageError(message) from error
