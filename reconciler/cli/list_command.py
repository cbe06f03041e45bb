"""`ocr-reconcile list`."""

from __future__ import annotations

import os
import sys

import click

from reconciler.cli import options
from reconciler.cli.progress import shown_progress

_EPILOG = """\b
Examples:
  ocr-reconcile list                          # where the engine itself looks
  ocr-reconcile list --models /srv/ocr/models
  ocr-reconcile list --models /srv/ocr/models --python /srv/ocr/venv/bin/python --format json
"""


@click.command(epilog=_EPILOG)
@click.option(
    "--models", metavar="DIR", type=options.PATH, help="The model directory; default: what the engine answers."
)
@click.option("--python", metavar="PYTHON", help="The interpreter that has the engine; default: our own.")
@click.option("--no-engine", is_flag=True, help="Look at the disk alone; needs --models.")
@options.format_option
@options.errors_as_documents
def command(models: str | None, python: str | None, no_engine: bool, format_: str) -> None:
    """Needs no manifest."""
    from reconciler.workflow import look

    if no_engine and not models:
        raise click.UsageError("--no-engine needs --models DIR: only the engine knows where its directory is")
    with shown_progress() as progress:
        inventory = look(models, python=python, ask_engine=not no_engine, progress=progress)
    if format_ == "json":
        from reconciler.report.machine import inventory_document

        options.emit_json(inventory_document(inventory))
        return
    from reconciler.report.text import write_inventory

    write_inventory(inventory, sys.stdout, base=os.getcwd(), terminal=options.is_terminal())
