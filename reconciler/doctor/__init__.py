"""What an engineer runs first when something is odd: every check says what it found, and what to do.

    findings = list(examine(manifest="models.yaml"))

Nothing is written beside the models, no lock is taken and nothing is repaired. What can only be tried by writing is
tried in a private temporary directory, if that is on the same file system.
"""

from __future__ import annotations

from reconciler.doctor.examination import examine
from reconciler.doctor.finding import Finding, Status

__all__ = ["Finding", "Status", "examine"]
