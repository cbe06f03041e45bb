"""Runs commands in turn and measures each as a whole process: wall clock, processor, peak memory."""

from __future__ import annotations

import os
import resource
import subprocess
import tempfile
import time
from dataclasses import dataclass, field

from benchmarks.suite import Comparison, Side


@dataclass(frozen=True, slots=True)
class Run:
    """One process: seconds of wall clock (or those that it says itself), and the peak of its resident memory in bytes.

    The peak is the largest of the process and of each that it waited for, not their sum.
    """

    seconds: float
    peak: int


@dataclass(slots=True)
class Measured:
    """The runs of both sides of a comparison, pair by pair, or why there are none."""

    comparison: Comparison
    ours: list[Run] = field(default_factory=list)
    theirs: list[Run] = field(default_factory=list)
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Effort:
    """How long one comparison is measured: pairs until `seconds` have passed, but not fewer nor more than stated."""

    seconds: float
    fewest: int
    most: int


class FailedRunError(Exception):
    """A command did not end as it should; the message says which, how, and its last words."""


def floor() -> int:
    """Bytes below which no peak can be seen: a child counts the memory it shares with us until it executes its file."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def measure(comparison: Comparison, effort: Effort, warm: set[tuple[str, ...]]) -> Measured:
    """Warm up each that is not in `warm` yet, then run ours, theirs, ours, theirs, and so on."""
    measured = Measured(comparison)
    if missing := comparison.ours.missing or comparison.theirs.missing:
        measured.failure = missing
        return measured
    try:
        for side in (comparison.ours, comparison.theirs):
            if side.argv not in warm:
                run(side)
                warm.add(side.argv)
        start = time.monotonic()
        while len(measured.ours) < effort.most and (
            len(measured.ours) < effort.fewest or time.monotonic() - start < effort.seconds
        ):
            measured.ours.append(run(comparison.ours))
            measured.theirs.append(run(comparison.theirs))
    except FailedRunError as error:
        return Measured(comparison, failure=str(error))
    return measured


def run(side: Side) -> Run:
    """Run one side once. Its output goes nowhere, or to a file where the side says its own seconds there."""
    if side.prepare:
        side.prepare()
    environment = {**os.environ, **side.environment}
    with tempfile.TemporaryFile() as told:
        output = told if side.inner else subprocess.DEVNULL
        start = time.perf_counter()
        process = subprocess.Popen(
            side.argv, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.DEVNULL, cwd=side.cwd, env=environment
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in side.codes:
            raise FailedRunError(f"{side.name} ended with code {process.returncode}: {_last_words(side)}")
        if side.inner:
            told.seek(0)
            seconds = float(told.read().split()[-1])
    return Run(seconds, usage.ru_maxrss * 1024)


def _last_words(side: Side) -> str:
    """What the command says when it is run again with somebody listening."""
    again = subprocess.run(
        side.argv, capture_output=True, cwd=side.cwd, env={**os.environ, **side.environment}, check=False, text=True
    )
    return " | ".join((again.stdout + again.stderr).strip().splitlines()[-3:])
