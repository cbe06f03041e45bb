"""Who still keeps files that were removed: their blocks come free when those processes let go."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from reconciler.facts import FileFacts
from reconciler.holders.proof import describe
from reconciler.names import printable

_MOST_LINES = 20


def keepers(files: Sequence[FileFacts]) -> list[str]:
    """One line for each process that holds or maps one of these removed files; empty where none is seen.

    They have no name any more, so that device and inode alone tell them. Only Linux shows them.
    """
    if sys.platform != "linux":
        return []
    from reconciler.holders import procfs

    found = procfs.scan(((file.device, file.inode) for file in files), {}).holders
    lines = [
        f"{printable(file.name)}: is kept until it ends by {describe(holder)}"
        for file in files
        for holder in found.get((file.device, file.inode), ())
    ]
    more = len(lines) - _MOST_LINES
    return [*lines[:_MOST_LINES], f"and {more} more"] if more > 0 else lines
