"""One base error with an exit code on the class; the leaves carry data.

A message starts with the path or the place it is about, says what is wrong, and ends with what to do.
Only the outermost edge (`cli`) turns an exit code into a process exit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple

if TYPE_CHECKING:
    from reconciler.facts import HoldAnswer


class Place(NamedTuple):
    """Where in a manifest something stands; `line` and `column` count from 1, 0 means the file as a whole."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        """`file:line:column`, the form that editors and CI annotations understand."""
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


class ReconcileError(Exception):
    """Base of every error that the package raises on purpose.

    `exit_code` is the process exit code of the command line, `outcome` the same in a word for machine output.
    Notes that were added (`add_note`) are lines of the message.
    """

    exit_code: ClassVar[int] = 1
    outcome: ClassVar[str] = "error"

    def __str__(self) -> str:
        """The message, and what was done before that must be known as well."""
        return "\n".join((super().__str__(), *getattr(self, "__notes__", ())))


class Issue(NamedTuple):
    """One fault of a manifest: where, what, and what to do."""

    place: Place
    what: str
    remedy: str

    def __str__(self) -> str:
        """`file:line:column: what; what to do`."""
        return f"{self.place}: {self.what}; {self.remedy}" if self.remedy else f"{self.place}: {self.what}"


class ManifestError(ReconcileError):
    """The manifest is invalid; `issues` holds every fault, in the order of the file."""

    exit_code = 3
    outcome = "manifest-invalid"

    def __init__(self, issues: tuple[Issue, ...]) -> None:
        super().__init__("\n".join(map(str, issues)))
        self.issues = issues


class GuardError(ReconcileError):
    """A guard blocks the plan; `guards` names those that do, for `--override`."""

    exit_code = 4
    outcome = "blocked"

    def __init__(self, message: str, guards: tuple[str, ...]) -> None:
        super().__init__(message)
        self.guards = guards


class StalePlanError(ReconcileError):
    """A plan does not fit the world it is to be applied to; `differences` spells out how."""

    exit_code = 5
    outcome = "stale"

    def __init__(self, message: str, differences: tuple[str, ...] = ()) -> None:
        super().__init__("\n".join((message, *(f"  - {difference}" for difference in differences))))
        self.differences = differences


class PlanFileError(StalePlanError):
    """A plan file cannot be used: unreadable, truncated, edited, or of another format."""


class HeldError(ReconcileError):
    """Files of the plan are held, or it cannot be told whether they are; nothing was touched, or all was put back.

    `answers` are those of the probe for the files that are not free.
    """

    exit_code = 6
    outcome = "held"

    def __init__(self, message: str, answers: tuple[HoldAnswer, ...] = ()) -> None:
        super().__init__(message)
        self.answers = answers


class ApplyError(ReconcileError):
    """The apply failed and what it had moved was put back, or the message says what could not be."""

    exit_code = 7
    outcome = "failed"


class EngineError(ReconcileError):
    """The engine could not be asked."""

    exit_code = 8
    outcome = "engine-failed"


class ModelDirectoryError(EngineError):
    """The model directory cannot be read, or must not be managed. An observation failed, so nothing is planned."""


class ActiveRunError(ReconcileError):
    """Another run holds the lock of the model directory."""

    exit_code = 9
    outcome = "active"


class UsageError(ReconcileError):
    """The caller asked for something that does not make sense together."""

    exit_code = 64
    outcome = "usage"


class InterruptedRunError(ReconcileError):
    """A signal or Ctrl-C ended the run; the message says in which state it left the models."""

    exit_code = 130
    outcome = "interrupted"
