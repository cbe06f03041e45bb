"""`--metrics-file` and traces: what a run is measured by, whatever becomes of it."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from reconciler import phases
from reconciler.cli import options
from reconciler.cli.logs import LOGS, WARNING
from reconciler.errors import HeldError, ReconcileError, UsageError
from reconciler.names import harmless, printable
from reconciler.tracing import traced

if TYPE_CHECKING:
    from reconciler.applying import Applied
    from reconciler.planning.plan import Plan
    from reconciler.report.metrics import Measured
    from reconciler.transaction import RunResult

_Command = TypeVar("_Command", bound=Callable[..., Any])
_PLAN, _APPLIED = "reconciler.plan", "reconciler.applied"

metrics_option = click.option(
    "--metrics-file",
    metavar="FILE.prom",
    type=options.PATH,
    help="Write metrics of this run for Prometheus' textfile collector; one file for each command and manifest.",
)


def note(plan: Plan) -> None:
    """Remember what was planned, for the metrics."""
    click.get_current_context().meta[_PLAN] = plan


def note_applied(applied: Applied | None) -> None:
    """Remember what was done, for the metrics; None where the answer to the question was no."""
    click.get_current_context().meta[_APPLIED] = applied


def measured(command: _Command) -> _Command:
    """Add `--metrics-file`, and spans where traces are wanted. What goes wrong with either never fails a run."""

    @functools.wraps(command)
    def wrapper(*args: Any, metrics_file: str | None, **arguments: Any) -> Any:
        context = click.get_current_context()
        name = str(context.info_name)
        _refuse_useless(metrics_file)
        times = _Times()
        with traced(name) as spans, phases.listening(times.listener, *filter(None, [spans])):
            if spans is not None:
                _log_complaints()
            try:
                code = command(*args, **arguments)
            except BaseException as error:
                _write(metrics_file, name, times, context, error)
                raise
            _write(metrics_file, name, times, context, None, code or 0)
            return code

    return metrics_option(wrapper)  # type: ignore[return-value]  # functools.wraps keeps the signature but for ours


def _log_complaints() -> None:
    """Let what OpenTelemetry logs, such as a collector that does not answer, be lines of our log."""
    import logging

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            LOGS.log(harmless(f"traces: {record.getMessage()}"), WARNING)

    logger = logging.getLogger("opentelemetry")
    logger.addHandler(Handler(WARNING))
    logger.propagate = False


class _Times:
    """How long each phase took, added up by name."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.phases: dict[str, float] = {}

    @contextmanager
    def listener(self, name: str) -> Iterator[None]:
        """Measure one phase."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.phases[name] = self.phases.get(name, 0.0) + time.monotonic() - began


def _refuse_useless(path: str | None) -> None:
    """A directory that is missing is found before the run, and not by the dashboard that stays empty after it."""
    folder = os.path.dirname(path or "") or "."
    if not os.path.isdir(folder):
        raise UsageError(f"{printable(folder)}: no such directory; create it, or correct --metrics-file")


def _write(
    path: str | None, name: str, times: _Times, context: click.Context, error: BaseException | None, code: int = 0
) -> None:
    if path is None:
        return
    from reconciler.report.metrics import Measured, write_metrics

    outcome, exit_code = _ending(error, code)
    applied: Applied | None = context.meta.get(_APPLIED)
    measured = Measured(name, time.time(), time.monotonic() - times.began, outcome, exit_code, times.phases)
    measured.plan = context.meta.get(_PLAN)
    measured.results = _results(applied, error)
    measured.held = len(error.answers) if isinstance(error, HeldError) else 0 if applied and applied.run else None
    measured.quarantined = _quarantined(measured)
    try:
        write_metrics(measured, path)
    except OSError as failed:
        LOGS.log(f"warning: {printable(path)}: the metrics cannot be written: {failed.strerror}", WARNING)


def _ending(error: BaseException | None, code: int) -> tuple[str, int]:
    match error:
        case None:
            return {0: "done", 2: "changes", 7: "partial"}.get(code, "error"), code
        case ReconcileError():
            return error.outcome, error.exit_code
        case click.UsageError():
            return UsageError.outcome, UsageError.exit_code
        case KeyboardInterrupt() | click.Abort():
            return "interrupted", 130
        case _:
            return "error", 1


def _results(applied: Applied | None, error: BaseException | None) -> tuple[RunResult, ...]:
    found = (applied.purged, applied.run) if applied else (getattr(error, "result", None),)
    return tuple(result for result in found if result is not None)


def _quarantined(measured: Measured) -> int | None:
    """The bytes in quarantine now; None where no directory is known, or its state cannot be read."""
    if measured.plan is None:
        return None
    from reconciler.transaction import retained

    try:
        return sum(run.allocated for run in retained(measured.plan.directory))
    except (ReconcileError, OSError):
        return None
