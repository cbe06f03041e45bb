"""`ocr-reconcile apply`."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import formats, options
from reconciler.cli.progress import shown_progress
from reconciler.cli.telemetry import measured, note, note_applied

if TYPE_CHECKING:
    from reconciler.applying import Applied, ApplySettings
    from reconciler.planning.plan import Plan

_EPILOG = """\b
Examples:
  ocr-reconcile apply plan.json                # exactly that plan, no question
  ocr-reconcile apply -f models.yaml           # plans, shows, asks
  ocr-reconcile apply -f models.yaml --yes     # in a pipeline
  ocr-reconcile apply plan.json --wait 5m --run-handlers

\b
Exit codes: 0 done or nothing to do; 3 manifest invalid; 4 blocked by a guard; 5 plan stale; 6 files held;
7 failed, everything put back (with --keep-going: some models failed); 8 the engine or the model directory
could not be read; 9 another run is active; 64 usage; 130 interrupted. On 3 to 9, 64 and 130 no model is lost.
"""


@click.command(epilog=_EPILOG)
@click.argument("plan_file", metavar="[PLAN.json]", required=False, type=options.PATH)
@click.option(
    "-f", "--file", "manifest", metavar="MANIFEST", type=options.PATH,
    help="Plan from this manifest; with PLAN.json: the manifest that the plan was made from, where it has moved.",
)  # fmt: skip
@options.set_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@options.override_option
@click.option(
    "--wait", metavar="DURATION", help="Wait so long for holders to let go, such as 30s; default: spec.release.wait."
)
@click.option("--accept-unknown", is_flag=True, help="Go on where it cannot be told whether a file is held.")
@click.option("--run-handlers", is_flag=True, help="Run the manifest's handlers where they are due.")
@click.option("--keep-going", is_flag=True, help="Keep what worked if a model fails; default: put everything back.")
@options.verify_option
@options.unprotect_option
@click.option(
    "--events", metavar="FILE|-", type=options.PATH,
    help="Write what is being done to this file, or - for standard error: one JSON object a line.",
)  # fmt: skip
@formats.format_option
@options.errors_as_documents
@measured
def command(
    plan_file: str | None,
    manifest: str | None,
    settings: dict[str, str],
    yes: bool,
    overrides: tuple[str, ...],
    wait: str | None,
    accept_unknown: bool,
    run_handlers: bool,
    keep_going: bool,
    verify: bool,
    unprotect: tuple[str, ...],
    events: str | None,
    format_: str,
) -> int:
    """Applies PLAN.json as it is, or plans from MANIFEST, shows the plan, and asks."""
    from reconciler.applying import SAME_HOST, ApplySettings
    from reconciler.cli.events import told_events
    from reconciler.planning.freeze import FREEZE

    if plan_file:
        manifest = options.typed("manifest", manifest)  # what is configured need not be that plan's manifest
    if not plan_file and not manifest:
        raise click.UsageError("name a plan file, or a manifest with -f")
    if plan_file and unprotect:
        raise click.UsageError("a plan file says itself what it unprotects: give --unprotect to plan")
    how = ApplySettings(
        overrides=options.checked_overrides(overrides, SAME_HOST, FREEZE),
        wait=options.seconds(wait, "--wait"),
        accept_unknown=accept_unknown,
        keep_going=keep_going,
        run_handlers=run_handlers,
        verify=verify,
    )
    with told_events(events) as event, shown_progress() as progress:
        telling = {"progress": progress, "log": options.log, "event": event}
        applied = (
            _apply_plan_file(plan_file, manifest, settings, how, telling)
            if plan_file
            else _apply_manifest(
                str(manifest),
                settings,
                how,
                frozenset(unprotect),
                telling,
                ask=not yes,
                quiet=format_ != "text",
            )
        )
    note_applied(applied)
    if applied is None:
        click.echo("Not applied.", err=format_ != "text")
        return 0
    _show(applied, format_, plan_file or "")
    return 0 if applied.run is None or applied.run.complete else 7


def _apply_plan_file(
    path: str, manifest: str | None, settings: dict[str, str], how: ApplySettings, telling: dict[str, Any]
) -> Applied:
    from reconciler.errors import StalePlanError
    from reconciler.names import printable
    from reconciler.opening import opened
    from reconciler.plan_files import read_plan_file

    plan = read_plan_file(path)
    note(plan)
    source = manifest or plan.origin.manifest
    if not os.path.exists(source):
        message = f"{printable(path)}: its manifest {printable(source)} is not here; name it with -f MANIFEST"
        raise StalePlanError(message)
    with opened(source, settings, **telling) as reconciler:
        return reconciler.apply(plan, how)


def _apply_manifest(
    manifest: str,
    settings: dict[str, str],
    how: ApplySettings,
    unprotect: frozenset[str],
    telling: dict[str, Any],
    *,
    ask: bool,
    quiet: bool,
) -> Applied | None:
    from reconciler.applying import SAME_HOST
    from reconciler.opening import opened
    from reconciler.planning.plan import require_unblocked

    if ask and not sys.stdin.isatty():
        raise click.UsageError("there is no terminal to ask on: pass --yes, or a plan file")
    with opened(manifest, settings, **telling) as reconciler:
        plan = reconciler.plan(overrides=how.overrides - {SAME_HOST}, verify=how.verify, unprotect=unprotect)
        note(plan)
        if not quiet:
            _show_plan(plan)
        require_unblocked(plan)
        if ask and plan.deletions and not click.confirm(f"Delete these {len(plan.deletions)} models?", err=True):
            return None
        return reconciler.apply(plan, how)


def _show_plan(plan: Plan) -> None:
    from reconciler.report.text import write_plan

    write_plan(plan, sys.stdout, base=os.getcwd(), terminal=options.is_terminal())
    sys.stdout.flush()


def _show(applied: Applied, format_: str, plan_file: str) -> None:
    if format_ == "json":
        from reconciler.report.machine import applied_document

        options.emit_json(applied_document(applied))
        return
    if format_ != "text":
        from reconciler.report.run_rows import applied_sheet

        formats.show_sheet(applied_sheet(applied, base=formats.base(format_)), format_, plan_file=plan_file)
        return
    from reconciler.report.runs import write_applied

    write_applied(applied, sys.stdout)
