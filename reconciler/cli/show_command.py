"""`ocr-reconcile show`."""

from __future__ import annotations

import os
import sys

import click

from reconciler.cli import formats, options

_EPILOG = """\b
Examples:
  ocr-reconcile show plan.json
  ocr-reconcile show plan.json --format markdown > comment.md   # planned once, rendered many times
  ocr-reconcile show 20261122T0915 -f models.yaml               # a run, or the beginning of its id
"""


@click.command(epilog=_EPILOG)
@click.argument("what", metavar="PLAN.json|RUN", type=options.PATH)
@options.any_manifest_option
@options.models_option
@formats.format_option
@options.errors_as_documents
def command(what: str, manifest: str | None, models: str | None, format_: str) -> None:
    """Takes a plan file, or with -f or --models a run of that model directory."""
    if models is None and manifest is None:
        _show_plan(what, format_)
    else:
        _show_run(what, manifest, models, format_)


def _show_plan(path: str, format_: str) -> None:
    from reconciler.plan_files import read_plan_file
    from reconciler.report.machine import plan_document
    from reconciler.report.text import write_plan

    plan = read_plan_file(path)
    if format_ == "json":
        options.emit_json(plan_document(plan))
    elif format_ != "text":
        from reconciler.report.rows import plan_sheet

        formats.show_sheet(plan_sheet(plan, base=formats.base(format_)), format_, plan_file=path)
    else:
        write_plan(plan, sys.stdout, base=os.getcwd(), terminal=options.is_terminal())


def _show_run(run: str, manifest: str | None, models: str | None, format_: str) -> None:
    from reconciler import history
    from reconciler.report.machine import run_document
    from reconciler.report.runs import write_run
    from reconciler.undoing import located

    with located(models=models, manifest=manifest) as directory:
        record = history.run(directory, run)
    if format_ == "json":
        options.emit_json({"format_version": "1.0", "outcome": "done", "run": run_document(record)})
    elif format_ != "text":
        from reconciler.report.run_rows import run_sheet

        formats.show_sheet(run_sheet(record, base=formats.base(format_)), format_)
    else:
        write_run(record, sys.stdout)
