"""Printing one sheet in the format that was asked for, and telling a pipeline what it wants to know beside it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import IO, TYPE_CHECKING

import click

from reconciler.cli import options
from reconciler.cli.configuration import FORMATS, Format

if TYPE_CHECKING:
    from reconciler.errors import ReconcileError
    from reconciler.report.issues import Finding
    from reconciler.report.rows import Sheet

format_option = click.option(
    "--format",
    "format_",
    cls=Format,
    type=click.Choice(FORMATS),
    default="text",
    show_default=True,
    help="How to print the result on standard output.",
)


def base(format_: str) -> str:
    """The directory below which paths are shown relative: that of the checkout where a pipeline knows it."""
    return os.environ.get("GITHUB_WORKSPACE" if format_ == "github" else "CI_PROJECT_DIR") or os.getcwd()


def show_sheet(sheet: Sheet, format_: str, *, plan_file: str = "") -> None:
    """Print `sheet` as Markdown, for GitHub or for GitLab; `plan_file` is what holds all of it."""
    options.mark_emitted()
    if format_ == "gitlab":
        from reconciler.report.gitlab import terraform_report

        options.emit_json(terraform_report(sheet))
        return
    from reconciler.report.markdown import write_markdown

    if format_ == "markdown":
        write_markdown(sheet, sys.stdout, artifact=plan_file)
        return
    from reconciler.report import github

    _print_lines(github.sheet_annotations(sheet))
    with _appended("GITHUB_STEP_SUMMARY") as stream:
        write_markdown(sheet, stream, artifact=plan_file)
    _set_outputs(github.outputs(sheet, plan_file))


def show_findings(findings: Sequence[Finding], format_: str) -> None:
    """Print the faults and warnings of manifests as Markdown, for GitHub or for GitLab."""
    options.mark_emitted()
    if format_ == "gitlab":
        from reconciler.report.gitlab import code_quality_report

        options.emit_json(code_quality_report(findings))
        return
    from reconciler.report.markdown import write_findings

    if format_ == "markdown":
        write_findings(findings, sys.stdout)
        return
    from reconciler.report.github import finding_annotations

    _print_lines(finding_annotations(findings))
    with _appended("GITHUB_STEP_SUMMARY") as stream:
        write_findings(findings, stream)


def show_failure(error: ReconcileError, format_: str, manifest: str | None) -> None:
    """Print what went wrong where a sheet was expected. GitLab gets nothing: no number of changes is known."""
    from reconciler.names import Shown
    from reconciler.redaction import redacted
    from reconciler.report.markdown import write_failure

    told = Shown(redacted(str(error)))
    if format_ == "markdown":
        write_failure(_name_of(manifest), error.outcome, told, sys.stdout)
    if format_ != "github":
        return
    from reconciler.errors import ManifestError
    from reconciler.report import github
    from reconciler.report.issues import Finding

    if isinstance(error, ManifestError):
        _print_lines(github.finding_annotations(map(Finding, error.issues)))
    else:
        click.echo(github.annotation(github.ERROR, told, title=error.outcome))
    with _appended("GITHUB_STEP_SUMMARY") as stream:
        write_failure(_name_of(manifest), error.outcome, told, stream)
    _set_outputs({"outcome": error.outcome, "changes": "", "applyable": "false", "blocked": "", "plan_file": ""})


def _name_of(manifest: str | None) -> str:
    """The name of a manifest that may be invalid, by which its sticky comment is found; its path if it has none."""
    from reconciler.errors import ManifestError
    from reconciler.manifest.loader import read_document

    try:
        return str(read_document(manifest or "").root["metadata"]["name"])
    except (ManifestError, LookupError, TypeError):
        return manifest or "unknown"


def _set_outputs(values: Mapping[str, str]) -> None:
    from reconciler.report.github import write_outputs

    with _appended("GITHUB_OUTPUT") as stream:
        write_outputs(values, stream)


def _print_lines(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)


def _appended(variable: str) -> IO[str]:
    """The file that a variable of the pipeline names, to append to; where there is none, nothing is kept."""
    path = os.environ.get(variable) or os.devnull
    return open(path, "a", encoding="utf-8", errors="surrogateescape")
