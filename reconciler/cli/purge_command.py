"""`ocr-reconcile purge`."""

from __future__ import annotations

import click

from reconciler.cli import options
from reconciler.cli.progress import shown_progress

_EPILOG = """\b
Examples:
  ocr-reconcile purge -f models.yaml                            # what spec.quarantine.retain no longer keeps
  ocr-reconcile purge --models /srv/ocr/models --older-than 3d
  ocr-reconcile purge --models /srv/ocr/models --all
"""


@click.command(epilog=_EPILOG)
@click.option("--older-than", metavar="DURATION", help="Purge the runs committed longer ago than this, such as 3d.")
@click.option("--all", "everything", is_flag=True, help="Purge every run, whatever time it has left.")
@options.any_manifest_option
@options.models_option
@options.set_option
@options.format_option
@options.errors_as_documents
def command(
    older_than: str | None,
    everything: bool,
    manifest: str | None,
    models: str | None,
    settings: dict[str, str],
    format_: str,
) -> None:
    """Without a flag, purges only those runs whose time is over."""
    from reconciler.undoing import located, purge

    options.require_directory(models, manifest)
    if older_than and everything:
        raise click.UsageError("--older-than and --all exclude each other")
    age = options.seconds(older_than, "--older-than")
    with shown_progress() as say, located(models=models, manifest=manifest, settings=settings) as directory:
        undone = purge(directory, older_than=age, everything=everything, say=say)
    options.show_undone(undone, format_)
