"""Who holds a file: held, free or unknown, and the proof that nobody does.

    proof = prove(directory_fd, files, wait=30)
    require(proof)                                  # HeldError, exit code 6, names every holder
    ...
    check_free(directory_fd, file, kinds)           # once more, right before the file is moved

Nothing here changes a file. What each answer rests on, and what no probe can see, is in docs/holders.md.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import MutableMapping
from typing import TYPE_CHECKING

from reconciler.facts import FileFacts, HoldAnswer
from reconciler.holders import proof as _proof
from reconciler.holders.proof import Clock, Proof, Waiting, describe, document_of, held_error, held_since, require

if TYPE_CHECKING or sys.platform == "linux":
    from reconciler.holders.linux import probe
else:
    from reconciler.holders.portable import probe

__all__ = [
    "Clock",
    "Proof",
    "Waiting",
    "check_free",
    "describe",
    "document_of",
    "held_error",
    "held_since",
    "probe",
    "prove",
    "require",
]

prove = functools.partial(_proof.prove, probe=probe)


def check_free(directory_fd: int, file: FileFacts, kinds: MutableMapping[int, str] | None = None) -> HoldAnswer:
    """Look at one file once more, right before it is moved; `kinds` as of `probe`, for the files of one run."""
    return probe(directory_fd, (file,), kinds)[0]
