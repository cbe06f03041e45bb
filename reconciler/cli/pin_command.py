"""`ocr-reconcile pin`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from reconciler.cli import options
from reconciler.cli.progress import shown_progress

if TYPE_CHECKING:
    from reconciler.manifest.manifest import Manifest

_EPILOG = """\b
Examples:
  ocr-reconcile pin -f models.yaml                       # all that are allowed by name
  ocr-reconcile pin -f models.yaml en_ocr_v1.bin
  ocr-reconcile pin -f models.yaml --models /srv/ocr/models

\b
Exit codes: 0 done, or nothing to do; 3 manifest invalid; 8 a model is not there or cannot be read; 64 usage.
"""


@click.command(epilog=_EPILOG)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@options.manifest_option
@options.models_option
@options.set_option
def command(names: tuple[str, ...], manifest: str, models: str | None, settings: dict[str, str]) -> None:
    """Reads each model that is allowed by name, or each NAME, and writes `size` and `sha256` into its rule.

    The models are those in spec.modelPath, or in --models DIR. Only the lines that have to change are changed.
    """
    from reconciler.manifest.edit import pin
    from reconciler.manifest.loader import load_manifest
    from reconciler.pinning import pins_of

    loaded = load_manifest(manifest, settings)
    directory = models or loaded.model_path
    if directory is None:
        raise click.UsageError("the manifest has no spec.modelPath: name the model directory with --models DIR")
    wanted = _wanted(loaded, names)
    with shown_progress() as say:
        pins = pins_of(directory, wanted, say)
    options.edit(manifest, pin(pins), settings)


def _wanted(manifest: Manifest, names: tuple[str, ...]) -> list[str]:
    """The names to pin: those that rules of this very file write out, because no other file is edited."""
    from reconciler.manifest.edit import escaped, written_names
    from reconciler.manifest.loader import read_bytes
    from reconciler.manifest.match import exact_name
    from reconciler.names import printable

    own = dict.fromkeys(
        name
        for index, rule in enumerate(manifest.spec.allow)
        if (name := exact_name(rule)) is not None and manifest.rule_place("allow", index).file == manifest.file
    )
    written = written_names(read_bytes(manifest.file), manifest.file)
    varying = [name for name in own if escaped(name) not in written]
    why = "its rule names it with a variable, and would state the same content for every value of it"
    for name in names:
        if name not in own:
            raise click.UsageError(f"no rule of this file allows {name!r} by name; allow it first")
        if name in varying:
            raise click.UsageError(f"{name!r}: {why}; allow it by its full name first")
    if not names:
        for name in varying:
            options.log(f"warning: {printable(name)}: not pinned: {why}; allow it by its full name")
    return list(dict.fromkeys(names)) or [name for name in own if name not in varying]
