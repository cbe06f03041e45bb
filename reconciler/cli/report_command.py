"""`ocr-reconcile report`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from reconciler.cli import options
from reconciler.cli.progress import shown_progress
from reconciler.errors import ApplyError, ModelDirectoryError
from reconciler.names import printable
from reconciler.quantities import human_size

if TYPE_CHECKING:
    from reconciler.facts import DirectoryFacts, FileFacts
    from reconciler.history import RunRecord

_EPILOG = """\b
Examples:
  ocr-reconcile report --html plan.html -f models.yaml          # what would be done now, and what was done
  ocr-reconcile report --html plan.html plan.json
  ocr-reconcile report --html history.html --models /srv/ocr/models
  ocr-reconcile report --html run.html --models /srv/ocr/models 20261122T0915
"""


@click.command(epilog=_EPILOG)
@click.argument("what", metavar="[PLAN.json|RUN]", type=options.PATH, required=False)
@click.option(
    "--html", "out", metavar="OUT.html", type=options.PATH, required=True, help="Write the page to this file."
)
@click.option("-f", "--file", "manifest", metavar="MANIFEST", type=options.PATH, help="Plan by this manifest.")
@options.models_option
def command(what: str | None, out: str, manifest: str | None, models: str | None) -> None:
    """Takes a manifest, a plan file, or with --models a run of that directory, or without one its whole history.

    The page is one file that loads nothing. It needs Jinja2: pip install 'ocr-reconcile[report]'
    """
    from reconciler.plan_files import write_whole
    from reconciler.report.html import require_extra

    if what is not None or models is not None:
        manifest = options.typed("manifest", manifest)  # what is configured need not be what is meant
    if (what is not None and models is None) + (manifest is not None) + (models is not None) != 1:
        raise click.UsageError("name one of: -f MANIFEST, PLAN.json, or --models DIR with or without a RUN")
    require_extra()
    page = _of_directory(models, what) if models is not None else _of_plan(manifest, what)
    data = page.encode()
    write_whole(data, out, "the page")
    click.echo(f"The page is in {printable(out)}, {human_size(len(data))}; open it in a browser")


def _of_directory(models: str, run: str | None) -> str:
    from reconciler import history
    from reconciler.report.html import history_page, run_page
    from reconciler.undoing import located

    with located(models=models, manifest=None) as directory:
        if run is not None:
            return run_page(history.run(directory, run))
        records = history.runs(directory)
        damages = [f"The history is damaged: {fault}" for fault in history.verify(directory)]
        present, faults = _present(directory)
        return history_page(records, directory.path, present, (*damages, *faults))


def _present(directory: DirectoryFacts) -> tuple[Sequence[FileFacts] | None, Sequence[str]]:
    """The files in `directory` now, or why they are not known: a history is worth looking at without them."""
    from reconciler.inventory import open_directory, take_inventory

    try:
        with open_directory(directory.path) as (descriptor, _):
            return take_inventory(descriptor, directory).files, ()
    except ModelDirectoryError as error:
        return None, [f"What is there now is not shown: {error}"]


def _of_plan(manifest: str | None, path: str | None) -> str:
    from reconciler.report.html import plan_page

    if manifest is None:
        from reconciler.plan_files import read_plan_file

        return plan_page(read_plan_file(str(path)), [], base=os.getcwd())
    from reconciler.opening import opened

    with shown_progress() as progress, opened(manifest, progress=progress) as reconciler:
        plan = reconciler.plan()
    records, fault = _past(plan.directory)
    return plan_page(plan, records, base=os.getcwd(), fault=fault)


def _past(directory: DirectoryFacts) -> tuple[Sequence[RunRecord], str]:
    """The runs of `directory`, or why they are not known: a plan is worth looking at without them."""
    from reconciler import history

    try:
        return history.runs(directory), ""
    except ApplyError as error:
        return (), str(error)
