"""The closed list of verdicts, and the value that says which one a model got and why."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from reconciler.errors import Place
from reconciler.facts import FileFacts


class Verdict(StrEnum):
    """What should become of a model. Only `DELETE` ever changes anything."""

    KEEP = "keep"
    PROTECTED = "protected"
    DELETE = "delete"
    MISMATCH = "mismatch"
    INCOMPLETE = "incomplete"
    MISSING = "missing"
    GRACE = "grace"
    UNLISTED = "unlisted"
    IGNORED = "ignored"


class Decision(NamedTuple):
    """The verdict on one name, its reason, and the manifest line that caused it.

    `file` is None for a missing model, `listed` is None where no engine was asked, `place` is None where no
    line of the manifest looks at the name. `required` is set for a missing or mismatched model that the manifest
    cannot do without. `lead` names the
    first file of the set that the file belongs to, empty for a model of its own. `due`
    is when a model in grace may be deleted, at the earliest, in UTC. `digest` is the SHA-256 in hexadecimal digits,
    empty where it was not verified.
    """

    name: str
    verdict: Verdict
    reason: str
    place: Place | None
    file: FileFacts | None
    listed: bool | None
    required: bool = False
    lead: str = ""
    due: str = ""
    digest: str = ""

    @property
    def unwanted(self) -> bool:
        """Whether it is, or in time will be, deleted because no rule allows it: no line of the manifest says so."""
        return self.verdict is Verdict.GRACE or (self.verdict is Verdict.DELETE and self.place is None)
