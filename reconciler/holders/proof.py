"""The rule and the wait: release is proven when the probe says free in several consecutive looks.

One look is not enough where /proc decides: a descriptor can be handed on from a process that was not yet
looked at to one that was. A proof is of that moment only; `check_free` looks once more before each move.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from reconciler.errors import HeldError
from reconciler.facts import FileFacts, Hold, HoldAnswer, Holder
from reconciler.names import printable

_SHORTEST_PAUSE, _FIRST_PAUSE, _LONGEST_PAUSE = 0.001, 0.05, 2.0
_MOST_LINES = 20
OURS = (
    "this very process: the engine keeps a loaded model mapped until its process ends; "
    "apply from a process that has not loaded it"
)


class Clock(Protocol):
    """What the wait needs of time; the module `time` has both. Seconds."""

    def monotonic(self) -> float:
        """Seconds that never go back."""

    def sleep(self, seconds: float, /) -> None:
        """Wait."""


Probe = Callable[[int, Sequence[FileFacts]], list[HoldAnswer]]


@dataclass(frozen=True, slots=True)
class Waiting:
    """One look that found files not free: their answers, and how many seconds of waiting are left."""

    answers: tuple[HoldAnswer, ...]
    left: float


@dataclass(frozen=True, slots=True)
class Proof:
    """Whether release was proven, by which means, and in how many looks; `waited` in seconds.

    `answers` are those of the last look, in the order of the files. `looks` counts the last ones in a row that
    passed, `taken` all. `accepted` names the files whose answer was unknown and that pass because the caller
    said so.
    """

    proven: bool
    answers: tuple[HoldAnswer, ...]
    looks: int
    taken: int
    means: tuple[str, ...]
    waited: float
    accepted: tuple[str, ...] = ()

    def document(self) -> dict[str, object]:
        """The proof as JSON values, for the result and the history; the time of day is the caller's to add."""
        return {
            "proven": self.proven,
            "files": len(self.answers),
            "looks": self.looks,
            "taken": self.taken,
            "means": list(self.means),
            "waited": round(self.waited, 3),
            "accepted": list(self.accepted),
            "notFree": [document_of(answer) for answer in self.answers if answer.hold is not Hold.FREE],
        }


def document_of(answer: HoldAnswer) -> dict[str, object]:
    """One answer as JSON values."""
    return {
        "name": answer.file.name,
        "hold": answer.hold.value,
        "means": list(answer.means),
        "why": answer.why,
        "holders": [
            {
                "pid": holder.pid,
                "started": holder.started,
                "command": holder.command,
                "user": holder.user,
                "how": list(holder.how),
                "ours": holder.ours,
            }
            for holder in answer.holders
        ],
    }


def _silent(_: Waiting) -> None:
    """Tell nobody."""


def prove(
    directory_fd: int,
    files: Sequence[FileFacts],
    *,
    probe: Probe,
    looks: int = 2,
    pause: float = 0.1,
    wait: float = 0.0,
    accept_unknown: bool = False,
    clock: Clock = time,
    progress: Callable[[Waiting], None] = _silent,
) -> Proof:
    """Look until all files were free in `looks` consecutive looks, or `wait` seconds are over.

    `pause` seconds lie between two looks that pass; after one that does not, the pause doubles from 0.05 to 2 s,
    and `progress` is told. Nothing is raised for held files: see `require`. Ctrl-C goes through.
    """
    begun = clock.monotonic()
    passed = taken = 0
    delay = _FIRST_PAUSE
    while True:
        answers = tuple(probe(directory_fd, files))
        taken += 1
        stuck = tuple(answer for answer in answers if not _passes(answer, accept_unknown))
        passed = 0 if stuck else passed + 1
        waited = clock.monotonic() - begun
        if passed >= looks or (stuck and waited >= wait):
            return _proof(answers, passed, looks, taken, waited)
        if stuck:
            progress(Waiting(stuck, wait - waited))
            clock.sleep(max(_SHORTEST_PAUSE, min(delay, wait - waited)))
            delay = min(2 * delay, _LONGEST_PAUSE)
        else:
            clock.sleep(pause)


def _passes(answer: HoldAnswer, accept_unknown: bool) -> bool:
    return answer.hold is Hold.FREE or (accept_unknown and answer.hold is Hold.UNKNOWN)


def _proof(answers: tuple[HoldAnswer, ...], passed: int, looks: int, taken: int, waited: float) -> Proof:
    proven = passed >= looks
    means = tuple(sorted({word for answer in answers for word in answer.means}))
    accepted = tuple(answer.file.name for answer in answers if proven and answer.hold is Hold.UNKNOWN)
    return Proof(proven, answers, passed, taken, means, waited, accepted)


def require(proof: Proof) -> None:
    """Raise HeldError, naming who holds what, unless release is proven."""
    if not proof.proven:
        raise held_error(proof.answers, proof.waited)


def held_error(answers: Iterable[HoldAnswer], waited: float = 0.0) -> HeldError:
    """The error for files that are not free: every holder, at most 20 lines, and what to do."""
    stuck = [answer for answer in answers if answer.hold is not Hold.FREE]
    lines = [line for answer in stuck for line in _lines(answer)]
    if len(lines) > _MOST_LINES:
        lines[_MOST_LINES:] = [f"and {len(lines) - _MOST_LINES} more"]
    held = sum(answer.hold is Hold.HELD for answer in stuck)
    head = f"{printable(stuck[0].file.name)}: " if len(stuck) == 1 else ""
    counts = f"{held} files held, {len(stuck) - held} unknown, after waiting {waited:.0f} s; nothing was touched"
    return HeldError("\n".join((head + counts, *(f"  - {line}" for line in lines), _remedy(stuck))), tuple(stuck))


def held_since(answer: HoldAnswer) -> HeldError:
    """The error for a file that was free when release was proven and is not at its move: one line, no remedy."""
    return HeldError(f"since the proof of release: {'; '.join(_lines(answer))}", (answer,))


def _lines(answer: HoldAnswer) -> list[str]:
    """One line a holder, or the one that says why there is none."""
    name = printable(answer.file.name)
    if not answer.holders:
        return [f"{name}: {answer.hold.value}: {answer.why}"]
    return [f"{name}: held by {describe(holder)}" for holder in answer.holders]


def describe(holder: Holder) -> str:
    """A holder in one printable line: pid, command, user, ways."""
    who = f"{OURS}; pid" if holder.ours else "pid"
    return f"{who} {holder.pid} ({printable(holder.command)}), user {printable(holder.user)}: {', '.join(holder.how)}"


def _remedy(stuck: Sequence[HoldAnswer]) -> str:
    """What to do, which differs for held and unknown."""
    if any(answer.hold is Hold.HELD for answer in stuck):
        return "stop or restart what holds them, or wait longer (--wait), and apply again"
    return "look as the owner of the files or as root, or take the risk with --accept-unknown"
