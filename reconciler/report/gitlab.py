"""GitLab's report artifacts: `reports: terraform` of a plan, `reports: codequality` of faults in manifests."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from reconciler.errors import Issue
from reconciler.names import printable
from reconciler.report.rows import Sheet


def terraform_report(sheet: Sheet) -> dict[str, int]:
    """What the merge request's widget adds up."""
    return {"create": 0, "update": 0, "delete": len(sheet.changes)}


def code_quality_report(issues: Iterable[Issue]) -> list[dict[str, object]]:
    """A finding for each fault. Fingerprints are distinct, as GitLab wants them."""
    return [
        {
            "description": printable(f"{issue.what}; {issue.remedy}" if issue.remedy else issue.what),
            "check_name": "ocr-reconcile validate",
            "fingerprint": _fingerprint(issue),
            "severity": "major",
            "location": {"path": printable(issue.place.file), "lines": {"begin": max(issue.place.line, 1)}},
        }
        for issue in issues
    ]


def _fingerprint(issue: Issue) -> str:
    text = f"{issue.place.file}\0{issue.place.line}\0{issue.place.column}\0{issue.what}"
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
