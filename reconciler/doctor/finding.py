"""What one check found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from reconciler.errors import ReconcileError


class Status(StrEnum):
    """How a check ended. `UNKNOWN` could not be told, which is never read as `OK`; only `FAIL` stops an apply."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """The status of one check by its name, what was found, and what to do (empty where nothing is)."""

    status: Status
    name: str
    what: str
    remedy: str = ""


def failure(name: str, error: ReconcileError) -> Finding:
    """A failed check from the error that it met: messages end with what to do, and lines below are its evidence."""
    message, *evidence = str(error).splitlines()
    what, _, remedy = message.rpartition("; ")
    told = "".join(f" ({line.strip()})" for line in evidence)
    return Finding(Status.FAIL, name, (what or remedy) + told, remedy if what else "")
