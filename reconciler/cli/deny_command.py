"""`ocr-reconcile deny`."""

from __future__ import annotations

import click

from reconciler.cli import options

_EPILOG = """\b
Examples:
  ocr-reconcile deny -f models.yaml "old_*"
  ocr-reconcile deny -f models.yaml "fr_ocr_v1.bin" --reason "superseded by v2"

\b
Exit codes: 0 done, or nothing to do; 3 manifest invalid, before or after; 64 usage.
"""


@click.command(epilog=_EPILOG)
@click.argument("glob", metavar="GLOB")
@click.option("--reason", metavar="TEXT", default="", help="Why; shown with every verdict of the rule.")
@options.manifest_option
@options.set_option
def command(glob: str, reason: str, manifest: str, settings: dict[str, str]) -> None:
    """Adds a rule to spec.deny unless there is one for GLOB.

    Only the lines that have to change are changed; an invalid manifest is not touched.
    """
    from reconciler.manifest.edit import deny

    options.edit(manifest, deny(glob, reason), settings)
