"""What has changed between a plan and the world it is about to be applied to. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.facts import DirectoryFacts, FileFacts
from reconciler.names import printable
from reconciler.planning.plan import Plan
from reconciler.planning.verdicts import Decision, Verdict


def binding_drift(plan: Plan, directory: DirectoryFacts, *, manifest_digest: str, host: str) -> tuple[str, ...]:
    """How what a plan is bound to differs from where it is to be applied: host, directory and manifest.

    The sentences are printable.
    """
    expected = {
        "host": plan.origin.host,
        "manifest digest": plan.origin.manifest_digest,
        "model directory": plan.directory.path,
        "identity of the model directory": f"{plan.directory.device}:{plan.directory.inode}",
    }
    found = {
        "host": host,
        "manifest digest": manifest_digest,
        "model directory": directory.path,
        "identity of the model directory": f"{directory.device}:{directory.inode}",
    }
    if expected == found:
        return ()
    from reconciler.planning.explain import explain

    return tuple(map(printable, explain(expected, found)))


def model_drift(plan: Plan, fresh: Plan) -> tuple[str, ...]:
    """Why deletions of `plan` no longer hold in `fresh`, one printable sentence each.

    A file that appeared since is no drift: the plan does not name it, so nothing happens to it.
    """
    now = {decision.name: decision for decision in fresh.decisions}
    return tuple(map(printable, _sentences(plan, now)))


def _sentences(plan: Plan, now: dict[str, Decision]) -> Iterator[str]:
    for planned in plan.deletions:
        found = now.get(planned.name)
        if found is None or found.file is None:
            yield f"{planned.name}: is gone"
        elif planned.file is None or not planned.file.same_content_as(found.file):
            yield f"{planned.name}: {_changed(planned.file, found.file)}"
        elif found.verdict is not Verdict.DELETE:
            yield f"{planned.name}: is now {found.verdict.value}: {found.reason}"


def _changed(expected: FileFacts | None, found: FileFacts) -> str:
    from reconciler.planning.explain import explain

    return "; ".join(explain(_evidence(expected) if expected else {}, _evidence(found)))


def _evidence(file: FileFacts) -> dict[str, object]:
    return {
        "size": file.size,
        "mtime": f"{file.mtime_ns // 10**9}.{file.mtime_ns % 10**9:09d}",
        "identity": f"{file.device}:{file.inode}",
    }
