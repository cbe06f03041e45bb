"""Whether `free_resources()` can be trusted for what is held now: it never can for what another process maps."""

from __future__ import annotations

from reconciler.doctor.finding import Finding, Status, failure
from reconciler.errors import ReconcileError
from reconciler.facts import Hold, HoldAnswer
from reconciler.holders import describe
from reconciler.holding import holders_of_models, holders_of_paths
from reconciler.manifest.manifest import Manifest
from reconciler.names import printable
from reconciler.quantities import plural

_NAMED = 3


def holding(directory: str, manifest: Manifest | None) -> Finding:
    """Who holds which model now; files that the manifest does not take for models are not asked about."""
    name = "free_resources()"
    try:
        answers = _answers(directory, manifest)
    except ReconcileError as error:
        return failure(name, error)
    held = [answer for answer in answers if answer.hold is Hold.HELD]
    unknown = [answer for answer in answers if answer.hold is Hold.UNKNOWN]
    if held:
        what = f"{plural(len(held), 'model')} held, and no call of ours can release what another process holds: "
        remedy = "before such a model is deleted, stop or restart its process, or give it time with --wait"
        return Finding(Status.WARN, name, what + _told(held), remedy)
    if unknown:
        what = f"whether {plural(len(unknown), 'model')} are held cannot be told: {_told(unknown)}"
        return Finding(Status.UNKNOWN, name, what, "look as the owner of the files or as root, where they are served")
    means = " and ".join(sorted({word for answer in answers for word in answer.means}))
    by = f", told by {means}" if means else ""
    return Finding(Status.OK, name, f"nothing holds any of {plural(len(answers), 'model')}{by}")


def _answers(directory: str, manifest: Manifest | None) -> list[HoldAnswer]:
    if manifest is None:
        return holders_of_paths([directory], lambda _: None)
    return holders_of_models(directory, manifest, lambda _: None)


def _told(answers: list[HoldAnswer]) -> str:
    lines = [printable(f"{answer.file.name}: {_who(answer)}") for answer in answers[:_NAMED]]
    return "; ".join(lines) + (f"; and {len(answers) - _NAMED} more" if len(answers) > _NAMED else "")


def _who(answer: HoldAnswer) -> str:
    return ", ".join(map(describe, answer.holders)) or answer.why
