"""`ocr-reconcile config`."""

from __future__ import annotations

import sys

import click

from reconciler.cli import configuration, options

_EPILOG = """\b
Examples:
  ocr-reconcile config
  OCR_RECONCILE_FORMAT=json ocr-reconcile config --format text
"""


@click.command(epilog=_EPILOG)
@options.format_option
@click.pass_context
def command(context: click.Context, format_: str) -> None:
    """A flag wins over its variable, that over the configuration file, and that over the default."""
    assert context.parent is not None  # noqa: S101  # it is a command of the group
    found = list(configuration.settings(context.parent))
    if format_ == "json":
        rows = [
            {"command": one.command, "option": one.option, "value": one.value, "source": one.source} for one in found
        ]
        options.emit_json({"format_version": "1.0", "outcome": "done", "settings": rows})
        return
    from reconciler.report.table import Column, Line, write_table

    columns = tuple(map(Column, ("COMMAND", "OPTION", "VALUE", "FROM")))
    lines = [Line((one.command or "(all)", f"--{one.option}", _shown(one.value), one.source)) for one in found]
    write_table(columns, lines, sys.stdout, terminal=options.is_terminal())


def _shown(value: object) -> str:
    match value:
        case None | ():
            return "-"
        case bool():
            return "yes" if value else "no"
        case tuple():
            return " ".join(map(str, value))
    return str(value)
