"""The stories of `pin` and `init`: what is on disk becomes what a manifest says."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator

from reconciler.errors import ModelDirectoryError
from reconciler.inventory import DIRECTORY_FLAGS, open_directory, take_inventory
from reconciler.manifest.checks import name_fault
from reconciler.manifest.edit import Pin
from reconciler.manifest.emit import block
from reconciler.manifest.match import Candidates
from reconciler.manifest.schema import DEFAULT_INCLUDE
from reconciler.names import printable

_FILE_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


def pins_of(directory: str, names: Iterable[str], say: Callable[[str], None]) -> dict[str, Pin]:
    """Size and SHA-256 of models; ModelDirectoryError for one that is not there or changes while it is read."""
    pins = {}
    with open_directory(directory) as (descriptor, _):
        for name in names:
            say(f"reading {name}")
            try:
                pins[name] = _pin(descriptor, name)
            except (OSError, ValueError) as error:
                linked = isinstance(error, OSError) and error.errno == errno.ELOOP
                why = "it is a symbolic link" if linked else getattr(error, "strerror", None) or str(error)
                where = printable(os.path.join(directory, name))
                raise ModelDirectoryError(f"{where}: cannot be pinned: {why}; name models that are there") from error
    return pins


def _pin(descriptor: int, name: str) -> Pin:
    *parents, leaf = name.split("/")
    opened: list[int] = []
    try:
        for part in parents:
            opened.append(os.open(part, DIRECTORY_FLAGS, dir_fd=opened[-1] if opened else descriptor))
        file = os.open(leaf, _FILE_FLAGS, dir_fd=opened[-1] if opened else descriptor)
        opened.append(file)
        before = os.fstat(file)
        if not stat.S_ISREG(before.st_mode):
            message = "it is not a regular file"
            raise ValueError(message)
        with open(file, "rb", closefd=False) as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        after = os.fstat(file)
    finally:
        for number in opened:
            os.close(number)
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        message = "it was changed while it was read"
        raise ValueError(message)
    return Pin(after.st_size, digest)


def manifest_of(directory: str, name: str, say: Callable[[str], None], *, pinned: bool) -> tuple[str, list[str]]:
    """The text of a manifest that allows the models in a directory, and the names that no manifest can have."""
    with open_directory(directory) as (descriptor, facts):
        found = [file.name for file in take_inventory(descriptor, facts).files]
    is_model = Candidates(DEFAULT_INCLUDE)
    models = sorted(filter(is_model, found))
    nameable = [model for model in models if _is_nameable(model)]
    pins = pins_of(directory, nameable, say) if pinned else {}
    rules = list(_rules(nameable, pins))
    document = {
        "apiVersion": "ocr-reconcile/v1",
        "kind": "ModelSet",
        "metadata": {"name": name},
        "spec": {"modelPath": os.path.abspath(directory).replace("${", "$${"), "allow": rules},
    }
    return "".join(line + "\n" for line in block(document)), sorted(set(models) - set(nameable))


def _is_nameable(name: str) -> bool:
    """Whether a manifest can name a file: bytes that are not UTF-8 it cannot."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return not name_fault(name)


def _rules(names: list[str], pins: dict[str, Pin]) -> Iterator[object]:
    for name in names:
        text = name.replace("${", "$${")
        if name in pins:
            yield {"name": text, **pins[name]._asdict()}
        else:
            yield {"name": text} if "*" in name or "?" in name else text
