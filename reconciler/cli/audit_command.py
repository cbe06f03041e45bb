"""`ocr-reconcile audit`."""

from __future__ import annotations

import os
import sys

import click

from reconciler.cli import options
from reconciler.cli.progress import shown_progress

_EPILOG = """\b
Examples:
  ocr-reconcile audit -f models.yaml
  ocr-reconcile audit -f models.yaml --format json | jq '.plan.models[] | select(.verdict == "delete") | .name'
"""


@click.command(epilog=_EPILOG)
@options.manifest_option
@options.verify_option
@click.option("--record", is_flag=True, help="Remember what is unwanted, so that the time of its grace begins.")
@options.format_option
@options.errors_as_documents
def command(manifest: str, verify: bool, record: bool, format_: str) -> None:
    """Shows the kept, the protected, the missing and the ignored as well as what a plan would delete."""
    from reconciler.workflow import opened

    with shown_progress() as progress, opened(manifest, progress=progress) as reconciler:
        plan = reconciler.plan(verify=verify)
        if record:
            reconciler.record(plan)
    if format_ == "json":
        from reconciler.report.machine import plan_document

        options.emit_json(plan_document(plan))
        return
    from reconciler.report.text import write_audit

    write_audit(plan, sys.stdout, base=os.getcwd(), terminal=options.is_terminal())
