"""What the doctor found, for people and for machines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import IO

from reconciler.doctor import Finding, Status
from reconciler.names import harmless

FORMAT_VERSION = "1.0"
_WORDS = {Status.OK: "ok", Status.WARN: "WARN", Status.FAIL: "FAIL", Status.UNKNOWN: "?"}


def write_findings(findings: Sequence[Finding], stream: IO[str]) -> None:
    """A line for each check, below it what to do, and the sum."""
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        stream.write(f"{_WORDS[finding.status]:<4}  {finding.name:<{width}}  {harmless(finding.what)}\n")
        if finding.remedy:
            stream.write(f"{'':{width + 8}}-> {harmless(finding.remedy)}\n")
    counts = Counter(finding.status for finding in findings)
    told = ", ".join(f"{counts[status]} {status}" for status in Status if counts[status])
    stream.write(f"\n{len(findings)} checks: {told}\n")


def doctor_document(findings: Sequence[Finding]) -> dict[str, object]:
    """Of `doctor`: every finding; the outcome is `healthy` unless a check failed."""
    failed = any(finding.status is Status.FAIL for finding in findings)
    return {
        "format_version": FORMAT_VERSION,
        "outcome": "unhealthy" if failed else "healthy",
        "findings": [asdict(finding) for finding in findings],
    }
