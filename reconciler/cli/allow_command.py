"""`ocr-reconcile allow`."""

from __future__ import annotations

import click

from reconciler.cli import options

_EPILOG = """\b
Examples:
  ocr-reconcile allow -f models.yaml de_ocr_v1.bin it_ocr_v1.bin

\b
Exit codes: 0 done, or nothing to do; 3 manifest invalid, before or after; 64 usage.
"""


@click.command(epilog=_EPILOG)
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@options.manifest_option
@options.set_option
def command(names: tuple[str, ...], manifest: str, settings: dict[str, str]) -> None:
    """Adds rules to spec.allow for the names that have none.

    Only the lines that have to change are changed; an invalid manifest is not touched.
    """
    from reconciler.manifest.edit import allow

    options.edit(manifest, allow(names), settings)
