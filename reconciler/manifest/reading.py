"""The bytes of a manifest, before anything of YAML is imported."""

from __future__ import annotations

import os
import re
import stat

from reconciler.errors import Issue, ManifestError, Place

MAX_BYTES = 16 * 1024 * 1024

_OURS = b"ocr-reconcile/v1"
_MAY_NAME_ANOTHER = re.compile(
    rb"^[ \t]*(?:engine|extends)[ \t]*:|^[ \t]*discovery[ \t]*:(?!.*\bengine\b)|\$\{", re.MULTILINE
)


def read_bytes(file: str) -> bytes:
    """What is in a file of at most 16 MiB; ManifestError if it cannot be read."""
    try:
        return _read(file)
    except FileNotFoundError:
        raise unreadable(file, "no such file", "check the path, or write a manifest there") from None
    except PermissionError:
        raise unreadable(file, "may not be read", "give this user read permission") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise unreadable(file, f"cannot be read ({reason})", "check the path") from None


def _read(file: str) -> bytes:
    """The bytes of a regular file, at most one more than may be. Does not wait for the writer of a FIFO."""
    descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise unreadable(file, "is a directory", "name the manifest in it")
        if not stat.S_ISREG(mode):
            raise unreadable(file, "is not a regular file", "write the manifest to a file first")
        with open(descriptor, "rb", closefd=False) as stream:
            return stream.read(MAX_BYTES + 1)
    finally:
        os.close(descriptor)


def unreadable(file: str, what: str, remedy: str) -> ManifestError:
    """The one fault of a file that is not even read."""
    return ManifestError((Issue(Place(file), what, remedy),))


def asks_default_engine(data: bytes) -> bool:
    """Whether these bytes look like a manifest that asks the engine of our own interpreter.

    A guess for whoever wants to start that one before the YAML is read, which takes longer than the guess saves
    where it is wrong: what the manifest says decides, and an engine that it does not ask must be ended unasked.
    """
    return _OURS in data and not _MAY_NAME_ANOTHER.search(data)
