"""`ocr-reconcile rollback`."""

from __future__ import annotations

import click

from reconciler.cli import options

_EPILOG = """\b
Examples:
  ocr-reconcile rollback -f models.yaml                         # the newest run that can be
  ocr-reconcile rollback --models /srv/ocr/models 20261122T0915

\b
Exit codes: 0 restored; 7 nothing was touched, the message says why; 9 another run is active.
"""


@click.command(epilog=_EPILOG)
@click.argument("run", metavar="[RUN]", required=False)
@options.any_manifest_option
@options.models_option
@options.set_option
@options.format_option
@options.errors_as_documents
def command(run: str | None, manifest: str | None, models: str | None, settings: dict[str, str], format_: str) -> None:
    """Restores what a run removed while it is in quarantine; never over a file that is there now."""
    from reconciler import history
    from reconciler.undoing import located, roll_back

    options.require_directory(models, manifest)
    with located(models=models, manifest=manifest, settings=settings) as directory:
        chosen = history.run(directory, run).run if run else None
        undone = roll_back(directory, chosen)
    options.show_undone(undone, format_)
