"""`ocr-reconcile audit`."""

from __future__ import annotations

import os
import sys

import click

from reconciler.cli import formats, options
from reconciler.cli.progress import shown_progress

_EPILOG = """\b
Examples:
  ocr-reconcile audit -f models.yaml
  ocr-reconcile audit -f models.yaml --format json | jq '.plan.models[] | select(.verdict == "delete") | .name'
"""


@click.command(epilog=_EPILOG)
@options.manifest_option
@formats.format_option
@options.errors_as_documents
def command(manifest: str, format_: str) -> None:
    """Shows the kept, the protected, the missing and the ignored as well as what a plan would delete."""
    from reconciler.workflow import opened

    with shown_progress() as progress, opened(manifest, progress=progress) as reconciler:
        plan = reconciler.plan()
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
