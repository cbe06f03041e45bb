"""The story of `diff`: two manifests, from files or from Git, and what the change does to a host."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

from reconciler.errors import Issue, ManifestError, Place, UsageError
from reconciler.facts import DirectoryFacts, FileFacts, Inventory
from reconciler.manifest.loader import load_manifest, parse_manifest
from reconciler.manifest.manifest import Manifest
from reconciler.names import printable
from reconciler.planning.changes import Change, Impact, changes, impact
from reconciler.planning.plan import Plan, make_plan

_GIT_TIMEOUT = 30.0


@dataclass(frozen=True, slots=True)
class Compared:
    """The changes, and what they do to `host` where an inventory was given."""

    changes: Sequence[Change]
    impact: Impact | None
    host: str


def compared(old: str, new: str, *, models: str | None = None, saved: str | None = None) -> Compared:
    """Compare two manifests, each a file or `REV:path`, over a model directory or a saved listing.

    Raises ManifestError, UsageError for what cannot be read, ModelDirectoryError.
    """
    before, after = _load(old), _load(new)
    inventory = _scan(models) if models else _read_inventory(saved) if saved else None
    found = changes(before, after)
    if inventory is None:
        return Compared(found, None, "")
    host = platform.node() if models else f"the host of {saved}"
    created = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Compared(found, impact(_plan(before, inventory, created), _plan(after, inventory, created)), host)


def _plan(manifest: Manifest, inventory: Inventory, created: str) -> Plan:
    return make_plan(manifest, inventory, created=created, host="", overrides=frozenset())


def _load(source: str) -> Manifest:
    """The manifest at a path, or at `REV:path` where no such file is there."""
    revision, colon, path = source.partition(":")
    if os.path.exists(source) or not (colon and revision and path):
        return load_manifest(source)
    if revision.startswith("-"):
        raise UsageError(f"{printable(revision)}: not a revision of Git; name a branch, a tag or a commit")
    try:
        return parse_manifest(_from_git(revision, path), source, files=_Commit(revision))
    except _GitError as error:
        message = f"{printable(source)}: {printable(str(error))}; name a file, or REV:path in this repository"
        raise UsageError(message) from error


class _Commit:
    """The files of a commit, as `REV:path`, whose path is relative to the working directory.

    They lie where the work tree would have them. A symbolic link in a commit is a file that holds where it leads to.
    """

    def __init__(self, revision: str) -> None:
        self._revision = revision

    def path(self, file: str) -> str:
        return os.path.join(os.getcwd(), file.removeprefix(f"{self._revision}:"))

    def named(self, path: str) -> str:
        return f"{self._revision}:{os.path.relpath(path)}"

    def real(self, path: str) -> str:
        return os.path.normpath(path)

    def root(self, path: str) -> str:  # noqa: ARG002  # a commit has one
        return os.fsdecode(_git("rev-parse", "--show-toplevel")).removesuffix("\n")

    def read(self, file: str) -> bytes:
        try:
            return _from_git(self._revision, file.removeprefix(f"{self._revision}:"))
        except _GitError as error:
            raise ManifestError((Issue(Place(file), str(error), "name a file of that revision"),)) from error


class _GitError(Exception):
    """What Git says, in its words."""


def _from_git(revision: str, path: str) -> bytes:
    """The bytes of a file in a commit; a path is relative to the working directory, as in `git show REV:./path`."""
    relative = path if os.path.isabs(path) or path.startswith(("./", "../")) else f"./{path}"
    return _git("show", "--no-textconv", f"{revision}:{relative}")


def _git(*arguments: str) -> bytes:
    command = ["git", *arguments]
    try:
        answer = subprocess.run(command, capture_output=True, timeout=_GIT_TIMEOUT, check=False)
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise _GitError(f"git cannot be asked: {error}") from error
    if answer.returncode:
        raise _GitError(answer.stderr.decode(errors="replace").strip().removeprefix("fatal: "))
    return answer.stdout


def _scan(models: str) -> Inventory:
    from reconciler.workflow import look

    return look(models, python=None, ask_engine=False)


def _read_inventory(path: str) -> Inventory:
    """What `list --format json` has saved. Raises UsageError."""
    try:
        with open(path, "rb") as stream:
            return _inventory(json.load(stream))
    except OSError as error:
        raise UsageError(f"{printable(path)}: cannot be read: {error.strerror}; name a saved listing") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        message = f"{printable(path)}: not a listing; make one with: ocr-reconcile list --format json"
        raise UsageError(message) from error


def _inventory(value: Any) -> Inventory:
    directory = DirectoryFacts(**{field.name: value["directory"][field.name] for field in fields(DirectoryFacts)})
    rows = value["files"]
    files = tuple(sorted(FileFacts(**{name: row[name] for name in FileFacts._fields}) for row in rows))
    if not all(isinstance(file.name, str) and all(type(part) is int for part in file[1:]) for file in files):
        raise ValueError("files without their evidence")
    asked = value["engine"] is not None
    listed = frozenset(row["name"] for row in rows if row["listed"]) if asked else None
    present = {file.name for file in files}
    aliases = {str(alias): name for alias, name in value["aliases"].items() if name in present}
    return Inventory(directory, files, listed, tuple(value["ghosts"]), aliases)
