"""`ocr-reconcile doctor`."""

from __future__ import annotations

import sys

import click

from reconciler.cli import options
from reconciler.cli.progress import shown_progress

_EPILOG = """\b
Examples:
  ocr-reconcile doctor                          # the host and the engine
  ocr-reconcile doctor -f models.yaml           # and everything that an apply of it needs
  ocr-reconcile doctor --models /srv/models --format json

\b
Exit codes: 0 no check failed (there may be warnings); 1 at least one failed; 64 usage.
"""


@click.command(epilog=_EPILOG)
@options.any_manifest_option
@options.models_option
@options.format_option
def command(manifest: str | None, models: str | None, format_: str) -> int:
    """Changes nothing: no lock is taken, and nothing is written beside the models."""
    from reconciler.doctor import Status, examine

    findings = []
    with shown_progress() as progress:
        for finding in examine(manifest=manifest, models=models):
            progress(f"looked at: {finding.name}")
            findings.append(finding)
    if format_ == "json":
        from reconciler.report.doctoring import doctor_document

        options.emit_json(doctor_document(findings))
    else:
        from reconciler.report.doctoring import write_findings

        write_findings(findings, sys.stdout)
    return int(any(finding.status is Status.FAIL for finding in findings))
