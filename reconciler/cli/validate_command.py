"""`ocr-reconcile validate`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from reconciler.cli import formats, options

if TYPE_CHECKING:
    from reconciler.report.issues import Finding

_EPILOG = """\b
Examples:
  ocr-reconcile validate models.yaml
  ocr-reconcile validate manifests/ --set SITE=berlin
  ocr-reconcile validate manifests/*.yaml --format json
  ocr-reconcile validate manifests/ --format github    # annotations in a pull request

\b
Exit codes: 0 all are valid, whatever the warnings; 3 at least one is not.
"""


@click.command(epilog=_EPILOG)
@click.argument("manifests", nargs=-1, required=True, metavar="MANIFEST...", type=options.PATH)
@options.set_option
@formats.format_option
def command(manifests: tuple[str, ...], settings: dict[str, str], format_: str) -> int:
    """Reports every fault of every file at once, and warns of rules without effect.

    Of a directory, every .yaml and .yml file below it is meant. A file may hold several documents.
    """
    from reconciler.errors import ManifestError
    from reconciler.manifest.files import manifest_files
    from reconciler.report.issues import Finding

    findings: dict[Finding, None] = {}  # a base that several extend has its faults once
    try:
        files = manifest_files(manifests)
    except ManifestError as error:
        files = []
        findings.update(dict.fromkeys(map(Finding, error.issues)))
    for path in files:
        found = _findings(path, settings)
        findings.update(dict.fromkeys(found))
        if format_ == "text" and all(finding.severity != "error" for finding in found):
            from reconciler.names import printable

            click.echo(f"{printable(path)}: valid")
    _show(list(findings), format_)
    return 3 if any(finding.severity == "error" for finding in findings) else 0


def _findings(path: str, settings: dict[str, str]) -> list[Finding]:
    from reconciler.errors import ManifestError
    from reconciler.manifest.lint import warnings_of
    from reconciler.manifest.loader import read_documents, validate_document
    from reconciler.report.issues import Finding

    findings = []
    try:
        documents = read_documents(path, settings)
    except ManifestError as error:
        return list(map(Finding, error.issues))
    for document in documents:
        try:
            findings += [Finding(issue, "warning") for issue in warnings_of(validate_document(document))]
        except ManifestError as error:
            findings += map(Finding, error.issues)
    return findings


def _show(findings: list[Finding], format_: str) -> None:
    from reconciler.report import issues

    if format_ == "json":
        options.emit_json(issues.findings_document(findings))
    elif format_ != "text":
        formats.show_findings(findings, format_)
    else:
        from reconciler.manifest.loader import read_bytes

        issues.write_findings(findings, issues.Sources(read_bytes), sys.stderr)
