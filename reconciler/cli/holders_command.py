"""`ocr-reconcile holders`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from reconciler.cli import options
from reconciler.cli.progress import shown_progress

if TYPE_CHECKING:
    from reconciler.facts import HoldAnswer

_EPILOG = """\b
Examples:
  ocr-reconcile holders -f models.yaml
  ocr-reconcile holders /srv/ocr/models
  ocr-reconcile holders /srv/ocr/models/old_fr_ocr_v1.bin --format json

\b
Exit codes: 0 nothing is held; 6 something is, or it cannot be told.
"""


@click.command(epilog=_EPILOG)
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=options.PATH)
@options.any_manifest_option
@options.set_option
@options.format_option
@options.errors_as_documents
def command(paths: tuple[str, ...], manifest: str | None, settings: dict[str, str], format_: str) -> int:
    """Names every process that keeps a model: by a descriptor, a mapping, a lock, or by running it."""
    from reconciler.facts import Hold

    if paths:
        manifest = options.typed("manifest", manifest)
    if bool(paths) == bool(manifest):
        raise click.UsageError("name paths, or a manifest with -f")
    answers = _ask(paths, manifest, settings)
    if format_ == "json":
        from reconciler.report.machine import holders_document

        options.emit_json(holders_document(answers))
    else:
        from reconciler.report.holding import write_holders

        write_holders(answers, sys.stdout, terminal=options.is_terminal())
    return 0 if all(answer.hold is Hold.FREE for answer in answers) else 6


def _ask(paths: tuple[str, ...], manifest: str | None, settings: dict[str, str]) -> list[HoldAnswer]:
    from reconciler.holding import holders_of_models, holders_of_paths
    from reconciler.opening import opened

    with shown_progress() as say:
        if not manifest:
            return holders_of_paths(paths, say)
        with opened(manifest, settings, progress=say) as reconciler:
            return holders_of_models(reconciler.model_directory(), reconciler.manifest, say)
