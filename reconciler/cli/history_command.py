"""`ocr-reconcile history`."""

from __future__ import annotations

import sys

import click

from reconciler.cli import options

_EPILOG = """\b
Examples:
  ocr-reconcile history -f models.yaml
  ocr-reconcile history --models /srv/ocr/models --verify

\b
Exit codes: 0 told (with --verify: the chain is whole); 7 with --verify: it is not, or it cannot be read.
"""


@click.command(epilog=_EPILOG)
@click.option("--verify", is_flag=True, help="Check that no record was edited and none is missing.")
@options.any_manifest_option
@options.models_option
@options.set_option
@options.format_option
@options.errors_as_documents
def command(verify: bool, manifest: str | None, models: str | None, settings: dict[str, str], format_: str) -> int:
    """The newest run is last."""
    from reconciler import history
    from reconciler.report.machine import history_document
    from reconciler.report.runs import write_history
    from reconciler.undoing import located

    options.require_directory(models, manifest)
    with located(models=models, manifest=manifest, settings=settings) as directory:
        faults = history.verify(directory) if verify else None
        records = [] if faults else history.runs(directory)
    if format_ == "json":
        options.emit_json(history_document(records, faults))
    else:
        write_history(records, faults, sys.stdout, terminal=options.is_terminal())
    return 7 if faults else 0
