"""What a dashboard plots, in the text format of Prometheus, for the textfile collector of the node exporter.

What is not known is left out: a run that failed before it planned has no counts, rather than counts of 0.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Gauge, write_to_textfile
from prometheus_client.parser import text_string_to_metric_families

from reconciler import __version__
from reconciler.planning.guards import GUARDS
from reconciler.planning.plan import Plan
from reconciler.planning.verdicts import Verdict
from reconciler.transaction import Fate, RunResult

_PREFIX = "ocr_reconcile_"
_LAST_SUCCESS = "last_success_timestamp_seconds"


@dataclass(slots=True)
class Measured:
    """What is known of one run of a command. Times are in seconds, sizes in bytes; None is not known."""

    command: str
    ended: float
    duration: float
    outcome: str
    exit_code: int
    phases: Mapping[str, float] = field(default_factory=dict)
    plan: Plan | None = None
    results: tuple[RunResult, ...] = ()
    held: int | None = None
    quarantined: int | None = None

    @property
    def succeeded(self) -> bool:
        """Whether the command did what it is for; changes that are pending are no failure."""
        return self.exit_code in {0, 2}


def write_metrics(measured: Measured, path: str) -> None:
    """Replace `path` atomically; the time of the last success is kept from what was there. Raises OSError."""
    registry = CollectorRegistry()
    board = _Board(registry, measured.command, measured.plan.origin.manifest_name if measured.plan else None, path)
    _add_run(board, measured)
    if measured.plan:
        _add_plan(board, measured.plan)
    _add_results(board, measured)
    write_to_textfile(path, registry)


class _Board:
    """Gauges with the labels of a run; `last_success` is that of the file which is about to be replaced."""

    def __init__(self, registry: CollectorRegistry, command: str, manifest: str | None, path: str) -> None:
        self._registry = registry
        self.last_success, former = _former(path, command)
        self._labels = {"command": command, "manifest": former if manifest is None else manifest}

    def show(self, name: str, help_: str, value: float, **labels: str) -> None:
        self._gauge(name, help_, *labels).labels(*self._values(labels.values())).set(value)

    def show_each(self, name: str, help_: str, label: str, values: Mapping[str, float]) -> None:
        gauge = self._gauge(name, help_, label)
        for which, value in values.items():
            gauge.labels(*self._values([which])).set(value)

    def _gauge(self, name: str, help_: str, *labels: str) -> Gauge:
        return Gauge(_PREFIX + name, help_, (*self._labels, *labels), registry=self._registry)

    def _values(self, more: Iterable[str]) -> list[str]:
        return [_utf8(text) for text in (*self._labels.values(), *more)]


def _former(path: str, command: str) -> tuple[float | None, str]:
    """When `command` last succeeded, and the manifest's name, by the file at `path`; what cannot be read is unknown."""
    try:
        with open(path, encoding="utf-8") as file:
            families = {family.name: family for family in text_string_to_metric_families(file.read())}
    except (OSError, ValueError):
        return None, ""
    runs = [sample for name in families if name == f"{_PREFIX}last_run_success" for sample in families[name].samples]
    known = next((sample.labels.get("manifest", "") for sample in runs if sample.labels.get("command") == command), "")
    family = families.get(_PREFIX + _LAST_SUCCESS)
    samples = [sample.value for sample in family.samples if sample.labels.get("command") == command] if family else []
    return (samples[0] if samples else None), known


def _add_run(board: _Board, measured: Measured) -> None:
    board.show("last_run_timestamp_seconds", "When the command last ended.", measured.ended)
    board.show("last_run_success", "Whether it did what it is for.", measured.succeeded)
    last_success = measured.ended if measured.succeeded else board.last_success
    if last_success is not None:
        board.show(_LAST_SUCCESS, "When the command last ended with success.", last_success)
    outcome = {"outcome": measured.outcome, "exit_code": str(measured.exit_code)}
    board.show("last_run_outcome", "How it ended, in a word and as the exit code; always 1.", 1, **outcome)
    board.show("last_run_duration_seconds", "How long it took.", measured.duration)
    help_ = "How long each phase took; phases lie in one another and do not add up."
    board.show_each("phase_duration_seconds", help_, "phase", measured.phases)
    engine = measured.plan.origin.engine if measured.plan else ""
    build = {"version": __version__, "python": platform.python_version(), "engine": engine}
    board.show("build_info", "Release of ocr-reconcile, of Python and of the engine; always 1.", 1, **build)


def _add_plan(board: _Board, plan: Plan) -> None:
    counts = {verdict.value: plan.counts[verdict] for verdict in Verdict}
    board.show_each("models", "Models by the verdict of the plan; delete is what was planned.", "verdict", counts)
    board.show("planned_bytes", "Bytes of the models to be deleted.", plan.bytes_to_delete)
    tripped = {guard.name for guard in plan.blocking}
    blocks = {name: name in tripped for name in GUARDS}
    board.show_each("guard_blocked", "Whether this guard blocks the plan.", "guard", blocks)


def _add_results(board: _Board, measured: Measured) -> None:
    if measured.held is not None:
        board.show("models_held", "Models that stopped the run because they are held or may be.", measured.held)
    if measured.quarantined is not None:
        board.show("quarantine_bytes", "Bytes in quarantine after the run.", measured.quarantined)
    if measured.command != "apply" or (measured.plan is None and not measured.results):
        return
    gone = {Fate.PURGED, Fate.QUARANTINED}
    deleted = sum(model.fate in gone for run in measured.results if run.kind == "apply" for model in run.models)
    board.show("models_deleted", "Models that the run took out of the model directory.", deleted)
    freed = [run.freed for run in measured.results]
    board.show("freed_expected_bytes", "Bytes that purging should have freed.", sum(one.expected for one in freed))
    board.show("freed_measured_bytes", "Bytes that the file system gained.", sum(one.measured for one in freed))


def _utf8(text: str) -> str:
    """A label's value; bytes of a name that are not UTF-8 become visible escapes."""
    return os.fsencode(text).decode("utf-8", "backslashreplace")
