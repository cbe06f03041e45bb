"""GitLab's report artifacts: `reports: terraform` of a plan, `reports: codequality` of faults in manifests."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from reconciler.errors import Issue
from reconciler.names import printable
from reconciler.report.issues import Finding
from reconciler.report.rows import Sheet


def terraform_report(sheet: Sheet) -> dict[str, int]:
    """What the merge request's widget adds up."""
    return {"create": 0, "update": 0, "delete": len(sheet.changes)}


def code_quality_report(findings: Iterable[Finding]) -> list[dict[str, object]]:
    """An entry for each finding. Fingerprints are distinct, as GitLab wants them."""
    return [
        {
            "description": printable(finding.text),
            "check_name": "ocr-reconcile validate",
            "fingerprint": _fingerprint(finding.issue),
            "severity": "major" if finding.severity == "error" else "minor",
            "location": {
                "path": printable(finding.issue.place.file),
                "lines": {"begin": max(finding.issue.place.line, 1)},
            },
        }
        for finding in findings
    ]


def _fingerprint(issue: Issue) -> str:
    text = f"{issue.place.file}\0{issue.place.line}\0{issue.place.column}\0{issue.what}"
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
