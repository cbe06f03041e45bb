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
    MISSING = "missing"
    UNLISTED = "unlisted"
    IGNORED = "ignored"


class Decision(NamedTuple):
    """The verdict on one name, its reason, and the manifest line that caused it.

    `file` is None for a missing model, `listed` is None where no engine was asked, `place` is None where no
    line of the manifest looks at the name. `required` is set for a missing model that the manifest cannot do without.
    """

    name: str
    verdict: Verdict
    reason: str
    place: Place | None
    file: FileFacts | None
    listed: bool | None
    required: bool = False
