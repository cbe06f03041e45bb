"""The JSON documents that commands print. Each has a format version and the outcome in a word."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict

from reconciler.applying import Applied
from reconciler.errors import GuardError, HeldError, Issue, ManifestError, ReconcileError, StalePlanError
from reconciler.facts import DirectoryFacts, FileFacts, Hold, HoldAnswer, Inventory
from reconciler.history import RunRecord
from reconciler.holders import document_of
from reconciler.planning.changes import Change, Impact
from reconciler.planning.plan import Plan, document
from reconciler.planning.trace import Trace
from reconciler.planning.verdicts import Decision, Verdict
from reconciler.redaction import redacted
from reconciler.report.rows import outcome
from reconciler.report.run_rows import outcome_of_apply
from reconciler.transaction import ModelFate, RunResult, TransactionError
from reconciler.undoing import Undone

FORMAT_VERSION = "1.0"


def plan_document(plan: Plan) -> dict[str, object]:
    """Of `plan` and `audit`: the plan as in a plan file, its digest, and its sums in bytes and names."""
    return {
        "format_version": FORMAT_VERSION,
        "outcome": outcome(plan),
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


def issues_document(issues: Iterable[Issue], warnings: Iterable[Issue] = ()) -> dict[str, object]:
    """Of `validate`: every fault with its place, and apart from them every warning."""
    faults = _issues(issues)
    outcome = "manifest-invalid" if faults else "valid"
    return {"format_version": FORMAT_VERSION, "outcome": outcome, "issues": faults, "warnings": _issues(warnings)}


def _issues(issues: Iterable[Issue]) -> list[dict[str, object]]:
    return [{**issue.place._asdict(), "what": issue.what, "remedy": issue.remedy} for issue in issues]


def error_document(error: ReconcileError) -> dict[str, object]:
    """Of a command that failed: the outcome in a word, the message, and what the error carries."""
    return {
        "format_version": FORMAT_VERSION,
        "outcome": error.outcome,
        "error": redacted(str(error)),
        **_carried(error),
    }


def _carried(error: ReconcileError) -> dict[str, object]:
    match error:
        case ManifestError():
            return {"issues": _issues(error.issues)}
        case GuardError():
            return {"blocked_by": list(error.guards)}
        case StalePlanError():
            return {"differences": list(error.differences)}
        case HeldError():
            return {"files": [document_of(answer) for answer in error.answers]}
        case TransactionError():
            return {"run": _result(error.result)}
    return {}


def _file(file: FileFacts, listed: frozenset[str] | None) -> dict[str, object]:
    return {**file._asdict(), "listed": None if listed is None else file.name in listed}


def applied_document(applied: Applied) -> dict[str, object]:
    """Of `apply`: the fate of each model, the proof of release, and the bytes expected and measured."""
    run = applied.run
    return {
        "format_version": FORMAT_VERSION,
        "outcome": outcome_of_apply(run),
        "plan_digest": applied.plan.digest,
        "recovered": applied.recovered and asdict(applied.recovered),
        "purged": applied.purged and _result(applied.purged),
        "proof": applied.proof,
        "run": run and _result(run),
        "unplanned": list(applied.unplanned),
    }


def undone_document(undone: Undone) -> dict[str, object]:
    """Of `rollback` and `purge`."""
    return {
        "format_version": FORMAT_VERSION,
        "outcome": "nothing-to-do" if undone.run is None else "done" if undone.run.complete else "partial",
        "recovered": undone.recovered and asdict(undone.recovered),
        "run": undone.run and _result(undone.run),
    }


def holders_document(answers: Sequence[HoldAnswer]) -> dict[str, object]:
    """Of `holders`: the answer for each file with its holders."""
    free = all(answer.hold is Hold.FREE for answer in answers)
    return {
        "format_version": FORMAT_VERSION,
        "outcome": "free" if free else "held",
        "files": [document_of(answer) for answer in answers],
    }


def history_document(records: Iterable[RunRecord], faults: Sequence[str] | None) -> dict[str, object]:
    """Of `history`; `faults` are those of the chain, None where it was not verified."""
    return {
        "format_version": FORMAT_VERSION,
        "outcome": "damaged" if faults else "done",
        "verified": None if faults is None else not faults,
        "faults": list(faults or ()),
        "runs": [run_document(record) for record in records],
    }


def run_document(record: RunRecord) -> dict[str, object]:
    """One run of the history; times are in seconds since 1970 UTC, sizes in bytes."""
    return {
        "id": record.run,
        "kind": record.kind,
        "state": record.state,
        "began": record.began,
        "ended": record.ended,
        "retained_until": record.until,
        "target": record.target,
        "targets": list(record.targets),
        "cause": record.cause,
        "digest": record.digest,
        "provenance": dict(record.header),
        "models": [
            {**_fate(model), "evidence": file._asdict()}
            for model, file in zip(record.models, record.files, strict=True)
        ],
        "freed": asdict(record.freed),
    }


def _result(run: RunResult) -> dict[str, object]:
    return {
        "id": run.run,
        "kind": run.kind,
        "models": [_fate(model) for model in run.models],
        "freed": asdict(run.freed),
        "retained_until": run.until,
    }


def _fate(model: ModelFate) -> dict[str, object]:
    return {"name": model.name, "fate": model.fate.value, "cause": model.cause}


def explained_document(trace: Trace, decision: Decision | None) -> dict[str, object]:
    """Of `explain`: the verdict on one name, and the rules that match it in the order in which they are asked."""
    return {
        "format_version": FORMAT_VERSION,
        "outcome": "done",
        "name": trace.name,
        "verdict": decision and decision.verdict.value,
        "reason": decision and decision.reason,
        "due": (decision and decision.due) or None,
        "lead": (decision and decision.lead) or None,
        "candidate": trace.candidate,
        "rules": dict(trace.rules),
        "matching": [
            {"section": k.section, "index": k.index, "rule": k.subject, "place": list(k.place), "decides": k.decides}
            for k in trace.looks
        ],
    }


def changes_document(changes: Iterable[Change], impact: Impact | None) -> dict[str, object]:
    """Of `diff`: the changes in words, and where an inventory was given, the models that they concern."""
    found = [{"text": change.text, "place": change.place and list(change.place)} for change in changes]
    return {
        "format_version": FORMAT_VERSION,
        "outcome": "changes" if found else "no-changes",
        "changes": found,
        "impact": impact
        and {
            "deleted": [{"name": d.name, "size": d.file and d.file.size, "reason": d.reason} for d in impact.deleted],
            "bytes_deleted": impact.bytes_deleted,
            "spared": [decision.name for decision in impact.spared],
            "other": [{"name": name, "before": before, "after": after} for name, before, after in _judged_anew(impact)],
        },
    }


def _judged_anew(impact: Impact) -> Iterator[tuple[str, str | None, str | None]]:
    for before, after in impact.other:
        for shown in (after, before):
            if shown:
                yield shown.name, before and before.verdict.value, after and after.verdict.value
                break
