"""`ocr-reconcile completion`."""

from __future__ import annotations

import click

_EPILOG = """\b
Examples:
  source <(ocr-reconcile completion bash)
  ocr-reconcile completion zsh > "${fpath[1]}/_ocr-reconcile"
  ocr-reconcile completion fish > ~/.config/fish/completions/ocr-reconcile.fish
"""


@click.command(epilog=_EPILOG)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Load it into the shell, or save it where the shell looks for completions."""
    from click.shell_completion import get_completion_class

    from reconciler.cli import group

    complete = get_completion_class(shell)
    if complete is None:
        raise click.UsageError(f"no completion for {shell}")
    click.echo(complete(group, {}, "ocr-reconcile", "_OCR_RECONCILE_COMPLETE").source())
