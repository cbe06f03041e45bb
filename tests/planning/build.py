"""Manifests and inventories as values, for tests of what is pure or only shows."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping

from reconciler.facts import DirectoryFacts, EngineFacts, FileFacts, Inventory
from reconciler.manifest.loader import parse_manifest
from reconciler.manifest.manifest import Manifest
from reconciler.planning.plan import Plan, make_plan

DIRECTORY = DirectoryFacts("/srv/models", 64, 2)
CREATED = "2026-11-22T17:00:00Z"


def manifest(**spec: object) -> Manifest:
    """The manifest with this spec, written as JSON, which is YAML: names need no quoting."""
    document = {
        "apiVersion": "ocr-reconcile/v1",
        "kind": "ModelSet",
        "metadata": {"name": "test"},
        "spec": {"modelPath": "/srv/models", "discovery": ["directory"], **spec},
    }
    return parse_manifest(json.dumps(document, indent=1).encode(), "/etc/models.yaml")


def file(name: str, size: int = 100, *, inode: int | None = None, mtime_ns: int = 10**18) -> FileFacts:
    number = zlib.crc32(name.encode(errors="surrogatepass")) if inode is None else inode
    return FileFacts(name, 64, number, size, mtime_ns, 1, 4096)


def inventory(
    *files: str | FileFacts,
    listed: frozenset[str] | None = None,
    ghosts: tuple[str, ...] = (),
    aliases: Mapping[str, str] | None = None,
) -> Inventory:
    """An inventory as a scan gives it: sorted; asked for a listing only where there is one."""
    found = sorted(file(entry) if isinstance(entry, str) else entry for entry in files)
    engine = None if listed is None else EngineFacts("26.7.0", "/venv/bin/python", "/srv/models", tuple(sorted(listed)))
    return Inventory(DIRECTORY, tuple(found), listed, ghosts, aliases or {}, {}, engine)


def plan(wanted: Manifest, found: Inventory, *overrides: str) -> Plan:
    return make_plan(wanted, found, created=CREATED, host="host1", overrides=frozenset(overrides))
