"""The JSON documents that commands print. Each has a format version and the outcome in a word."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

from reconciler.applying import Applied
from reconciler.errors import Issue
from reconciler.facts import DirectoryFacts, FileFacts, Inventory
from reconciler.planning.plan import Plan, document
from reconciler.planning.verdicts import Verdict

FORMAT_VERSION = "1.0"


def plan_document(plan: Plan) -> dict[str, object]:
    """Of `plan` and `audit`: the plan as in a plan file, its digest, and its sums in bytes and names."""
    outcome = "blocked" if plan.blocking else "changes" if plan.deletions else "no-changes"
    return {
        "format_version": FORMAT_VERSION,
        "outcome": outcome,
        "summary": {
            "counts": {verdict.value: plan.counts[verdict] for verdict in Verdict},
            "bytes_to_delete": plan.bytes_to_delete,
            "blocked_by": [guard.name for guard in plan.blocking],
        },
        "digest": plan.digest,
        "plan": document(plan),
    }


def inventory_document(inventory: Inventory) -> dict[str, object]:
    """Of `list`: the files with their evidence, and what the engine lists."""
    engine = inventory.engine
    return {
        "format_version": FORMAT_VERSION,
        "outcome": "done",
        "directory": {name: getattr(inventory.directory, name) for name in DirectoryFacts.__slots__},
        "engine": engine and {"release": engine.release, "python": engine.python},
        "files": [_file(file, inventory.listed) for file in inventory.files],
        "ghosts": list(inventory.ghosts),
        "aliases": dict(inventory.aliases),
        "left_alone": dict(inventory.left_alone),
    }


def issues_document(issues: Iterable[Issue]) -> dict[str, object]:
    """Of `validate`: every fault with its place."""
    found = [{**issue.place._asdict(), "what": issue.what, "remedy": issue.remedy} for issue in issues]
    return {"format_version": FORMAT_VERSION, "outcome": "manifest-invalid" if found else "valid", "issues": found}


def _file(file: FileFacts, listed: frozenset[str] | None) -> dict[str, object]:
    return {**file._asdict(), "listed": None if listed is None else file.name in listed}


def applied_document(applied: Applied) -> dict[str, object]:
    """Of `apply`: the fate of each model, the proof of release, and the bytes expected and measured."""
    run = applied.run
    outcome = "nothing-to-do" if run is None else "applied" if run.complete else "partial"
    return {
        "format_version": FORMAT_VERSION,
        "outcome": outcome,
        "plan_digest": applied.plan.digest,
        "recovered": applied.recovered and asdict(applied.recovered),
        "proof": applied.proof,
        "run": run
        and {
            "id": run.run,
            "models": [{"name": m.name, "fate": m.fate.value, "cause": m.cause} for m in run.models],
            "freed": asdict(run.freed),
            "retained_until": run.until,
        },
        "unplanned": list(applied.unplanned),
    }
