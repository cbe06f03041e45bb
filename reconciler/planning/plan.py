"""The plan: a frozen list of decisions with the evidence of each, bound to host, directory and manifest. Pure.

Printing a plan and applying it read the same value. Its canonical text is what the digest is taken of; equal
inputs give equal bytes.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from operator import attrgetter

from reconciler.errors import GuardError
from reconciler.facts import DirectoryFacts, FileFacts, Inventory, digest_of
from reconciler.manifest.manifest import Manifest
from reconciler.names import printable
from reconciler.planning.diff import Context, Notice, compare
from reconciler.planning.guards import Guard, bytes_freed, tripped
from reconciler.planning.verdicts import Decision, Verdict

FORMAT_VERSION = "1.1"


@dataclass(frozen=True, slots=True)
class Origin:
    """What a plan is bound to. `created` is UTC in ISO 8601, `engine` the release, empty where none was asked.

    `unprotect` names models that only the last applied manifest protected, and that may go nevertheless.
    """

    created: str
    host: str
    manifest: str
    manifest_name: str
    manifest_digest: str
    engine: str
    engine_python: str
    unprotect: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """Every decision on one model directory; what is to be deleted is what carries the verdict `delete`."""

    origin: Origin
    directory: DirectoryFacts
    decisions: tuple[Decision, ...]
    notices: tuple[Notice, ...] = ()
    guards: tuple[Guard, ...] = ()

    @cached_property
    def deletions(self) -> tuple[Decision, ...]:
        """The decisions to delete, sorted by name."""
        delete = Verdict.DELETE  # a tenth of the time of naming it for each model
        return tuple(decision for decision in self.decisions if decision.verdict is delete)

    @cached_property
    def counts(self) -> Counter[Verdict]:
        """How many names got each verdict."""
        return Counter(map(attrgetter("verdict"), self.decisions))

    @property
    def doomed(self) -> tuple[FileFacts, ...]:
        """The evidence of each file to be deleted."""
        return tuple(decision.file for decision in self.deletions if decision.file is not None)

    @property
    def digests(self) -> dict[str, str]:
        """`sha256:…` of each file to be deleted whose digest is known, by name."""
        return {decision.name: f"sha256:{decision.digest}" for decision in self.deletions if decision.digest}

    @property
    def kept(self) -> tuple[FileFacts, ...]:
        """The evidence of each model that must still be there afterwards, unchanged."""
        leaving = {Verdict.DELETE, Verdict.IGNORED}
        return tuple(d.file for d in self.decisions if d.file is not None and d.verdict not in leaving)

    @property
    def bytes_to_delete(self) -> int:
        """What deleting frees: a file counts once however many hard links it has, and only if all of them go."""
        return bytes_freed(self.doomed)

    @property
    def blocking(self) -> tuple[Guard, ...]:
        """The guards that are tripped and not overridden."""
        return tuple(guard for guard in self.guards if not guard.overridden)

    @cached_property
    def digest(self) -> str:
        """`sha256:…` of the canonical text."""
        return digest_of(self.canonical.encode())

    @cached_property
    def canonical(self) -> str:
        """The plan as JSON in its one canonical form: keys sorted, no white space, ASCII."""
        return canonical_json(document(self))


def make_plan(
    manifest: Manifest,
    inventory: Inventory,
    *,
    created: str,
    host: str,
    overrides: frozenset[str],
    context: Context = Context(),  # noqa: B008  # frozen
) -> Plan:
    """Compare `manifest` with `inventory`; `overrides` names the guards that may be tripped.

    What depends on the time is judged as of `created`, in UTC and ISO 8601.
    """
    now = datetime.fromisoformat(created).timestamp()
    difference = compare(manifest, inventory, replace(context, now=now))
    engine = inventory.engine
    origin = Origin(
        created=created,
        host=host,
        manifest=manifest.file,
        manifest_name=manifest.metadata.name,
        manifest_digest=manifest.digest,
        engine=engine.release if engine else "",
        engine_python=engine.python if engine else "",
        unprotect=tuple(sorted(context.unprotect)),
    )
    guards = tripped(manifest.spec.limits, difference.decisions, overrides)
    return Plan(origin, inventory.directory, difference.decisions, difference.notices, guards)


def require_unblocked(plan: Plan, overrides: frozenset[str] = frozenset()) -> None:
    """Raise GuardError where a guard is tripped that neither the plan nor `overrides` lets pass."""
    blocking = [guard for guard in plan.blocking if guard.name not in overrides]
    if blocking:
        told = "; ".join(f"{guard.name}: {guard.message}" for guard in blocking)
        flags = " ".join(f"--override {guard.name}" for guard in blocking)
        what = printable(f"{plan.directory.path}: blocked, nothing was touched: {told}")
        raise GuardError(f"{what}; correct the manifest, or pass {flags}", tuple(guard.name for guard in blocking))


def document(plan: Plan) -> dict[str, object]:
    """The plan as plain values, as they stand in a plan file and in `--format json`."""
    unprotect = plan.origin.unprotect
    return {
        "format_version": FORMAT_VERSION,
        "origin": {name: getattr(plan.origin, name) for name in Origin.__slots__} | {"unprotect": list(unprotect)},
        "directory": {name: getattr(plan.directory, name) for name in DirectoryFacts.__slots__},
        "models": [_model(decision) for decision in plan.decisions],
        "notices": [{"place": _place(notice.place), "text": notice.text} for notice in plan.notices],
        "guards": [{"name": g.name, "message": g.message, "overridden": g.overridden} for g in plan.guards],
    }


def canonical_json(value: object) -> str:
    """Canonical JSON text of plain values; names with undecodable bytes become escaped surrogates."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _model(decision: Decision) -> dict[str, object]:
    file = decision.file
    return {
        "name": decision.name,
        "verdict": decision.verdict.value,
        "reason": decision.reason,
        "place": _place(decision.place),
        "listed": decision.listed,
        "required": decision.required,
        "lead": decision.lead,
        "due": decision.due,
        "digest": decision.digest,
        "evidence": file and dict(zip(FileFacts._fields[1:], file[1:], strict=True)),
    }


def _place(place: Iterable[object] | None) -> list[object] | None:
    return None if place is None else list(place)
