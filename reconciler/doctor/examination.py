"""Which checks are made, in which order: a check whose ground is missing is not made."""

from __future__ import annotations

import os
from collections.abc import Iterator

from reconciler.doctor import directory as directory_room
from reconciler.doctor import engine as engine_room
from reconciler.doctor import system
from reconciler.doctor.finding import Finding, Status, failure
from reconciler.doctor.holding import holding
from reconciler.doctor.state import state_findings
from reconciler.engine.client import DEFAULT_TIMEOUT
from reconciler.errors import ManifestError, ModelDirectoryError
from reconciler.inventory import open_directory
from reconciler.manifest.manifest import Manifest
from reconciler.names import printable


def examine(*, manifest: str | None = None, models: str | None = None) -> Iterator[Finding]:
    """Look at this host, and at the model directory of `manifest` or at `models` where one is given."""
    yield system.python()
    yield system.temporary_directory()
    yield system.globalization()
    yield system.processes()
    loaded: Manifest | None = None
    if manifest is not None:
        try:
            loaded = _load(manifest)
        except ManifestError as error:
            yield from (Finding(Status.FAIL, "manifest", f"{i.place}: {i.what}", i.remedy) for i in error.issues)
        else:
            yield Finding(Status.OK, "manifest", f"{printable(manifest)}: valid")
    path = os.path.abspath(models) if models is not None else loaded.model_path if loaded else None
    listed = loaded is None or "engine" in loaded.spec.discovery
    if listed:
        yield from _engine(loaded, pointed=path is not None)
        path = path or engine_room.default_directory(os.getcwd())
    if path is not None:
        yield from _directory(path, loaded, listed=listed)


def _load(path: str) -> Manifest:
    from reconciler.manifest.loader import load_manifest

    return load_manifest(path)


def _engine(manifest: Manifest | None, *, pointed: bool) -> Iterator[Finding]:
    scans = manifest is None or "directory" in manifest.spec.discovery
    python, timeout = _how(manifest)
    yield from engine_room.engine(python, timeout, scans=scans, here=os.getcwd(), pointed=pointed)


def _how(manifest: Manifest | None) -> tuple[str | None, float]:
    """The interpreter that has the engine, and the seconds that it may take."""
    return (None, DEFAULT_TIMEOUT) if manifest is None else (manifest.engine_python, manifest.spec.engine.timeout)


def _directory(path: str, manifest: Manifest | None, *, listed: bool) -> Iterator[Finding]:
    try:
        with open_directory(path) as (descriptor, directory):
            yield from directory_room.directory_findings(descriptor, directory)
            yield from state_findings(directory)
            if listed:
                python, timeout = _how(manifest)
                yield engine_room.listing(python, timeout, directory.path, os.getcwd())
            yield holding(directory.path, manifest)
    except ModelDirectoryError as error:
        yield failure("model directory", error)
    except OSError as error:
        what = f"{printable(path)}: cannot be looked at: {error.strerror}"
        yield Finding(Status.FAIL, "model directory", what, "look for a file system that does not answer")
