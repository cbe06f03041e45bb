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

from reconciler.errors import UsageError
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
    return parse_manifest(_from_git(revision, path), source)


def _from_git(revision: str, path: str) -> bytes:
    """The bytes of a file in a commit; a path is relative to the working directory, as in `git show REV:./path`."""
    if revision.startswith("-"):
        raise UsageError(f"{printable(revision)}: not a revision of Git; name a branch, a tag or a commit")
    relative = path if os.path.isabs(path) or path.startswith(("./", "../")) else f"./{path}"
    command = ["git", "show", "--no-textconv", f"{revision}:{relative}"]
    try:
        answer = subprocess.run(command, capture_output=True, timeout=_GIT_TIMEOUT, check=False)
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise UsageError(f"{printable(revision)}:{printable(path)}: git cannot be asked: {error}") from error
    if answer.returncode:
        why = answer.stderr.decode(errors="replace").strip().removeprefix("fatal: ")
        message = f"{printable(f'{revision}:{path}')}: {printable(why)}; name a file, or REV:path in this repository"
        raise UsageError(message)
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
