"""`ocr-reconcile schema`."""

from __future__ import annotations

import click

from reconciler.cli import options

_EPILOG = """\b
Examples:
  ocr-reconcile schema > manifest.schema.json

\b
An editor with yaml-language-server reads it if the first line of a manifest is
  # yaml-language-server: $schema=manifest.schema.json
"""


@click.command(epilog=_EPILOG)
def command() -> None:
    """Draft-07, with a description and an example of every key."""
    from reconciler.manifest.jsonschema import json_schema

    options.emit_json(json_schema())
