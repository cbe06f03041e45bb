"""`ocr-reconcile plan`."""

from __future__ import annotations

import os
import sys

import click

from reconciler.cli import formats, options
from reconciler.cli.progress import shown_progress
from reconciler.cli.telemetry import measured, note
from reconciler.names import printable

_EPILOG = """\b
Examples:
  ocr-reconcile plan -f models.yaml
  ocr-reconcile plan -f models.yaml --out plan.json && ocr-reconcile apply plan.json
  ocr-reconcile plan -f models.yaml --detailed-exitcode    # 2 if something is to be deleted

\b
Exit codes: 0 planned; 2 changes pending (--detailed-exitcode); 3 manifest invalid; 4 blocked by a guard;
8 the engine or the model directory could not be read; 64 usage.
"""


@click.command(epilog=_EPILOG)
@options.manifest_option
@options.set_option
@click.option("--out", metavar="PLAN.json", type=options.PATH, help="Write the plan to this file, for apply.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 if something is to be deleted.")
@options.override_option
@options.verify_option
@options.unprotect_option
@formats.format_option
@options.errors_as_documents
@measured
def command(
    manifest: str,
    settings: dict[str, str],
    out: str | None,
    detailed_exitcode: bool,
    overrides: tuple[str, ...],
    verify: bool,
    unprotect: tuple[str, ...],
    format_: str,
) -> int:
    """Reads and never writes, but for the plan file."""
    from reconciler.opening import opened

    allowed = options.checked_overrides(overrides)
    with shown_progress() as progress, opened(manifest, settings, progress=progress) as reconciler:
        if format_ == "text":
            from reconciler.report.text import write_plan  # while the engine loads
        plan = reconciler.plan(overrides=allowed, verify=verify, unprotect=frozenset(unprotect))
    note(plan)
    if out:
        from reconciler.plan_files import write_plan_file

        write_plan_file(plan, out)
    if format_ == "json":
        from reconciler.report.machine import plan_document

        options.emit_json(plan_document(plan))
    elif format_ != "text":
        from reconciler.report.rows import plan_sheet

        formats.show_sheet(plan_sheet(plan, base=formats.base(format_)), format_, plan_file=out or "")
    else:
        write_plan(plan, sys.stdout, base=os.getcwd(), terminal=options.is_terminal())
        if out and not plan.blocking:
            click.echo(f"The plan is in {printable(out)}; carry it out with: ocr-reconcile apply {printable(out)}")
    if plan.blocking:
        from reconciler.planning.plan import require_unblocked

        require_unblocked(plan)
    return 2 if detailed_exitcode and plan.deletions else 0
