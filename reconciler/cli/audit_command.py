"""`ocr-reconcile audit`."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from reconciler.cli import formats, options
from reconciler.cli.progress import shown_progress
from reconciler.cli.telemetry import measured, note

if TYPE_CHECKING:
    from reconciler.planning.plan import Plan

_EPILOG = """\b
Examples:
  ocr-reconcile audit -f models.yaml
  ocr-reconcile audit -f models.yaml --format json | jq '.plan.models[] | select(.verdict == "delete") | .name'
"""


@click.command(epilog=_EPILOG)
@options.manifest_option
@options.set_option
@options.verify_option
@click.option("--record", is_flag=True, help="Remember what is unwanted, so that the time of its grace begins.")
@formats.format_option
@options.errors_as_documents
@measured
def command(manifest: str, settings: dict[str, str], verify: bool, record: bool, format_: str) -> None:
    """Shows the kept, the protected, the missing and the ignored as well as what a plan would delete."""
    from reconciler.opening import opened

    with shown_progress() as progress, opened(manifest, settings, progress=progress) as reconciler:
        plan = reconciler.plan(verify=verify)
        if record:
            reconciler.record(plan)
    note(plan)
    if format_ == "json":
        from reconciler.report.machine import plan_document

        options.emit_json(plan_document(plan))
        return
    if format_ != "text":
        from reconciler.report.rows import plan_sheet

        formats.show_sheet(plan_sheet(plan, base=formats.base(format_), audit=True), format_)
        return
    from reconciler.report.text import write_audit

    write_audit(plan, sys.stdout, base=os.getcwd(), terminal=options.is_terminal())
    if sys.stdout.isatty():
        _show_bar(plan)


def _show_bar(plan: Plan) -> None:
    """What fills the disk. A file system that cannot be asked by now has no bar."""
    import shutil
    from contextlib import suppress

    from reconciler.report.bar import Space, write_bar

    with suppress(OSError):
        found = os.statvfs(plan.directory.path)
        space = Space(found.f_blocks * found.f_frsize, found.f_bfree * found.f_frsize)
        width = shutil.get_terminal_size().columns
        write_bar(plan, space, sys.stdout, width=width, colour=options.is_terminal())
