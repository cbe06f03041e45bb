"""`ocr-reconcile fmt`."""

from __future__ import annotations

import click

from reconciler.cli import options

_EPILOG = """\b
Examples:
  ocr-reconcile fmt models.yaml
  ocr-reconcile fmt manifests/ --check    # in a pipeline

\b
Exit codes: 0 done; 1 with --check: at least one would change; 3 a manifest is invalid.
"""


@click.command(epilog=_EPILOG)
@click.argument("manifests", nargs=-1, required=True, metavar="MANIFEST...", type=options.PATH)
@click.option("--check", is_flag=True, help="Change nothing; exit with 1 if something would change.")
@options.set_option
def command(manifests: tuple[str, ...], check: bool, settings: dict[str, str]) -> int:
    """Brings keys into the order of the reference and lines to their columns; comments stay where they belong.

    Of a directory, every .yaml and .yml file below it is meant. An invalid manifest is not touched.
    """
    from reconciler.manifest.files import manifest_files
    from reconciler.manifest.fmt import formatted
    from reconciler.manifest.loader import read_bytes, read_documents, validate_document
    from reconciler.names import printable
    from reconciler.rewriting import replace_file

    changed = False
    for path in manifest_files(manifests):
        for document in read_documents(path, settings):
            validate_document(document)
        data = read_bytes(path)
        new = formatted(data, path)
        if new != data:
            changed = True
            if not check:
                replace_file(path, new)
            click.echo(f"{printable(path)}: {'would be ' if check else ''}formatted")
    return int(check and changed)
