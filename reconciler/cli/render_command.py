"""`ocr-reconcile render`."""

from __future__ import annotations

import click

from reconciler.cli import options

_EPILOG = """\b
Examples:
  ocr-reconcile render -f hosts/berlin.yaml
  ocr-reconcile render -f hosts/ --set SITE=berlin

\b
Exit codes: 0 printed; 3 a manifest is invalid.
"""


@click.command(epilog=_EPILOG)
@click.option(
    "-f", "--file", "manifests", metavar="MANIFEST", required=True, multiple=True, type=options.PATH,
    help="The manifest, or a directory of manifests; may be repeated.",
)  # fmt: skip
@options.set_option
def command(manifests: tuple[str, ...], settings: dict[str, str]) -> None:
    """Prints YAML that, in the place of the manifest, loads to the same manifest; several are divided by `---`."""
    from reconciler.manifest.files import manifest_files
    from reconciler.manifest.loader import read_documents
    from reconciler.manifest.render import rendered

    files = manifest_files(manifests)
    texts = [rendered(document) for path in files for document in read_documents(path, settings)]
    click.echo("---\n".join(texts), nl=False)
