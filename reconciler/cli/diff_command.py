"""`ocr-reconcile diff`."""

from __future__ import annotations

import os
import sys

import click

from reconciler.cli import options

_EPILOG = """\b
Examples:
  ocr-reconcile diff old.yaml new.yaml
  ocr-reconcile diff origin/main:models.yaml models.yaml --models /srv/ocr/models
  ocr-reconcile diff HEAD~1:models.yaml HEAD:models.yaml --inventory host1.json   # from: list --format json
"""


@click.command(epilog=_EPILOG)
@click.argument("old", type=options.PATH)
@click.argument("new", type=options.PATH)
@click.option("--models", metavar="DIR", type=options.PATH, help="Say what the change does to this model directory.")
@click.option("--inventory", metavar="LIST.json", type=options.PATH, help="Or to what list --format json has saved.")
@options.format_option
@options.errors_as_documents
def command(old: str, new: str, models: str | None, inventory: str | None, format_: str) -> None:
    """OLD and NEW are manifests: files, or REV:path of the Git repository. No engine is asked."""
    from reconciler.comparing import compared

    if models and inventory:
        raise click.UsageError("--models and --inventory exclude each other")
    result = compared(old, new, models=models, saved=inventory)
    if format_ == "json":
        from reconciler.report.machine import changes_document

        options.emit_json(changes_document(result.changes, result.impact))
        return
    from reconciler.report.explained import write_changes

    write_changes(result.changes, result.impact, result.host, sys.stdout, base=os.getcwd())
