"""What became of a run and of each model in it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from reconciler.errors import ApplyError


class Fate(StrEnum):
    """Where a model of a run is now."""

    PURGED = "purged"
    QUARANTINED = "quarantined"
    RESTORED = "restored"
    UNTOUCHED = "untouched"
    FAILED = "failed"


class ModelFate(NamedTuple):
    """One model of a run; `cause` says why it failed, or why it is still in quarantine."""

    name: str
    fate: Fate
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Freed:
    """What a purge removed, in bytes.

    `expected` counts the allocated bytes of each distinct file once, `measured` is the difference of the file
    system's own count of free bytes. `reasons` says why less came free.
    """

    files: int = 0
    expected: int = 0
    measured: int = 0
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run did. `until` is when its quarantine may be purged, in seconds of the passed-in clock."""

    run: str
    kind: str
    models: tuple[ModelFate, ...]
    freed: Freed = Freed()
    until: float | None = None

    @property
    def complete(self) -> bool:
        """Whether no model failed and none is in quarantine against the will of the run."""
        return not any(model.cause for model in self.models)


class TransactionError(ApplyError):
    """A run failed; `result` tells the fate of each model, as far as the run came to know it."""

    def __init__(self, message: str, result: RunResult) -> None:
        super().__init__(message)
        self.result = result


class JournalError(ApplyError):
    """A journal or the state directory cannot be read or trusted; nothing was done with it."""


class EvidenceError(ApplyError):
    """A file is no longer the one that the plan names."""
