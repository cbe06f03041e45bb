"""`ocr-reconcile remove`."""

from __future__ import annotations

import click

from reconciler.cli import options

_EPILOG = """\b
Examples:
  ocr-reconcile remove -f models.yaml fr_ocr_v1.bin
  ocr-reconcile remove -f models.yaml "old_*"

\b
Exit codes: 0 done, or nothing to do; 3 manifest invalid, before or after; 64 usage.
"""


@click.command(epilog=_EPILOG)
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@options.manifest_option
@options.set_option
def command(names: tuple[str, ...], manifest: str, settings: dict[str, str]) -> None:
    """Removes every rule about each NAME, a name or a glob as the manifest writes it.

    A comment right above a rule, indented as its `-` is, goes with it. Otherwise
    only the lines that have to change are changed; an invalid manifest is not touched.
    """
    from reconciler.manifest.edit import remove

    options.edit(manifest, remove(names), settings)
