"""The points of a sweep: one fault at one occurrence of a system call that changes the disk, injected by strace."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

CALLS = (
    "rename",
    "renameat",
    "renameat2",
    "unlink",
    "unlinkat",
    "rmdir",
    "mkdir",
    "mkdirat",
    "write",
    "pwrite64",
    "fsync",
    "fdatasync",
    "ftruncate",
    "link",
    "linkat",
    "fchmod",
)
KILL = "signal=KILL"
ERRORS = ("error=EIO", "error=ENOSPC", "error=EACCES")
BOUND = 200
"""More occurrences of one call than any scenario has: a sweep that reaches it does not end by itself."""


@dataclass(frozen=True)
class Point:
    """One fault at one occurrence of one call."""

    scenario: str
    call: str
    fault: str
    occurrence: int

    def strace(self, log: Path) -> list[str]:
        """The words that a command is to be started with. strace's own filter loses signals, not errors."""
        fast = [] if self.fault == KILL else ["--seccomp-bpf"]
        inject = f"inject={self.call}:{self.fault}:when={self.occurrence}"
        return ["strace", "-f", *fast, "-qq", "-o", str(log), "-e", f"trace={self.call}", "-e", inject]

    def was_hit(self, log: Path, code: int, also: Iterable[int] = ()) -> bool:
        """Whether the command came to the point. AssertionError for an exit code that a fault must not end with.

        A kill is told by the code: the command kills a process of its own, the engine's, and the log has that too.
        """
        if self.fault == KILL:
            hit, expected = code in {137, -9}, {0, 137, -9}
        else:
            hit = "(INJECTED)" in log.read_text(errors="replace")
            expected = {0, 7, *also} if hit else {0}
        assert code in expected, f"exit code {code}"
        return hit


TryPoint = Callable[[Point, Path], bool]
"""Hits a point in an empty folder and sees what becomes of the models; whether there was such a point."""


def sweep(scenarios: Iterable[str], try_point: TryPoint) -> int:
    """Try every point of the scenarios, one worker a processor, and print how many there were."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        every = itertools.product(scenarios, CALLS)
        parts = pool.map(lambda one: list(_every(one[0], one[1], try_point)), every)
        points = [point for part in parts for point in part]
    for (name, fault), number in sorted(Counter((point.scenario, point.fault) for point in points).items()):
        print(f"{name:12} {fault:14} {number:4} points")  # noqa: T201  a program
    return len(points)


def _every(scenario: str, call: str, try_point: TryPoint) -> Iterator[Point]:
    """Killed at every occurrence of a call, until the command gets through; then every error at each of them."""
    for occurrence in itertools.count(1):
        assert occurrence < BOUND, f"{scenario}: {call} has no end"
        point = Point(scenario, call, KILL, occurrence)
        if not _try(point, try_point):
            break
        yield point
    for fault, before in itertools.product(ERRORS, range(1, occurrence)):
        point = Point(scenario, call, fault, before)
        assert _try(point, try_point), f"{point} was not reached, though a kill was"
        yield point


def _try(point: Point, try_point: TryPoint) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        try:
            return try_point(point, Path(folder))
        except Exception as error:
            keep = Path(tempfile.mkdtemp(prefix="sweep-failed-"), "folder")
            shutil.copytree(folder, keep, symlinks=True)
            error.add_note(f"at {point}; the folder is kept in {keep}")
            raise
