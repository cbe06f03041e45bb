"""The story of `holders`: who holds which model, without touching anything."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Sequence

from reconciler.errors import ModelDirectoryError
from reconciler.facts import FileFacts, HoldAnswer
from reconciler.holders import probe
from reconciler.inventory import DIRECTORY_FLAGS, facts_of, open_directory, take_inventory
from reconciler.manifest.manifest import Manifest
from reconciler.names import printable


def holders_of_models(directory: str, manifest: Manifest, say: Callable[[str], None]) -> list[HoldAnswer]:
    """Ask about every file in `directory` that is a model by `manifest`; names are relative to it."""
    from reconciler.manifest.match import Rulebook

    is_candidate = Rulebook(manifest).is_candidate
    return _in_directory(directory, lambda file: is_candidate(file.name), say)


def holders_of_paths(paths: Iterable[str], say: Callable[[str], None]) -> list[HoldAnswer]:
    """Ask about files, and about every file at depth 1 and 2 of directories; names are the paths as given."""
    answers: list[HoldAnswer] = []
    for path in paths:
        answers += _in_directory(path, lambda _: True, say) if os.path.isdir(path) else _of_file(path)
    return answers


def _in_directory(path: str, wanted: Callable[[FileFacts], bool], say: Callable[[str], None]) -> list[HoldAnswer]:
    with open_directory(path) as (descriptor, directory):
        files = [file for file in take_inventory(descriptor, directory).files if wanted(file)]
        say(f"asking who holds {len(files)} files")
        return [_named(answer, os.path.join(path, answer.file.name)) for answer in probe(descriptor, files)]


def _of_file(path: str) -> Sequence[HoldAnswer]:
    parent, name = os.path.split(path)
    try:
        descriptor = os.open(parent or ".", DIRECTORY_FLAGS & ~os.O_NOFOLLOW)
    except OSError as error:
        raise ModelDirectoryError(f"{printable(path)}: cannot be looked at: {error.strerror}; name a file") from error
    try:
        status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
        if not stat.S_ISREG(status.st_mode):
            raise ModelDirectoryError(f"{printable(path)}: not a regular file; name the file that is meant")
        return [_named(answer, path) for answer in probe(descriptor, [facts_of(name, status)])]
    except OSError as error:
        raise ModelDirectoryError(f"{printable(path)}: cannot be looked at: {error.strerror}; name a file") from error
    finally:
        os.close(descriptor)


def _named(answer: HoldAnswer, name: str) -> HoldAnswer:
    return answer._replace(file=answer.file._replace(name=name))
