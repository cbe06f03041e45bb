"""`ocr-reconcile init`."""

from __future__ import annotations

import click

from reconciler.cli import options
from reconciler.cli.progress import shown_progress

_EPILOG = """\b
Examples:
  ocr-reconcile init --models /srv/ocr/models > models.yaml
  ocr-reconcile init --models /srv/ocr/models --name ocr-production --pin > models.yaml
"""


@click.command(epilog=_EPILOG)
@click.option("--models", metavar="DIR", type=options.PATH, required=True, help="The model directory.")
@click.option("--name", metavar="NAME", default="models", show_default=True, help="Name of the model set.")
@click.option("--pin", is_flag=True, help="Read every model and write its size and SHA-256.")
def command(models: str, name: str, pin: bool) -> None:
    """Allows every model that is there now by its name, so that the first plan deletes nothing."""
    from reconciler.names import printable
    from reconciler.pinning import manifest_of

    if not name:
        raise click.BadParameter("it is empty", param_hint="'--name'")
    with shown_progress() as say:
        text, unnameable = manifest_of(models, name, say, pinned=pin)
    for model in unnameable:
        options.log(f"warning: {printable(model)}: left out, because no manifest can name it; use `match` with `?`")
    click.echo(text, nl=False)
