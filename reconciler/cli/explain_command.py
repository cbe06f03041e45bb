"""`ocr-reconcile explain`."""

from __future__ import annotations

import os
import sys

import click

from reconciler.cli import options
from reconciler.cli.progress import shown_progress

_EPILOG = """\b
Examples:
  ocr-reconcile explain fr_ocr_v1.bin -f models.yaml
  ocr-reconcile explain org/model.gguf -f models.yaml --format json
"""


@click.command(epilog=_EPILOG)
@click.argument("name", type=options.PATH)
@options.manifest_option
@options.verify_option
@options.format_option
@options.errors_as_documents
def command(name: str, manifest: str, verify: bool, format_: str) -> None:
    """NAME is a model as plans name it: relative to the model directory. It need not be there."""
    from reconciler.opening import opened
    from reconciler.planning.trace import trace

    with shown_progress() as progress, opened(manifest, progress=progress) as reconciler:
        plan = reconciler.plan(verify=verify)
        traced = trace(reconciler.manifest, name)
    decision = next((decision for decision in plan.decisions if decision.name == name), None)
    if format_ == "json":
        from reconciler.report.machine import explained_document

        options.emit_json(explained_document(traced, decision))
        return
    from reconciler.report.explained import write_explained

    write_explained(traced, decision, plan, sys.stdout, base=os.getcwd())
