"""`ocr-reconcile validate`."""

from __future__ import annotations

import click

from reconciler.cli import formats, options

_EPILOG = """\b
Examples:
  ocr-reconcile validate models.yaml
  ocr-reconcile validate manifests/*.yaml --format json

\b
Exit codes: 0 all are valid; 3 at least one is not.
"""


@click.command(epilog=_EPILOG)
@click.argument("manifests", nargs=-1, required=True, metavar="MANIFEST...", type=options.PATH)
@formats.format_option
def command(manifests: tuple[str, ...], format_: str) -> None:
    """Reports every fault of every file at once, as file:line:column."""
    from reconciler.errors import ManifestError
    from reconciler.manifest.loader import load_manifest
    from reconciler.names import printable

    faults: list[ManifestError] = []
    for path in manifests:
        try:
            load_manifest(path)
        except ManifestError as error:
            faults.append(error)
        else:
            if format_ == "text":
                click.echo(f"{printable(path)}: valid")
    issues = tuple(issue for error in faults for issue in error.issues)
    if format_ == "json":
        from reconciler.report.machine import issues_document

        options.emit_json(issues_document(issues))
    elif format_ != "text":
        formats.show_issues(issues, format_)
    if issues:
        raise ManifestError(issues)
