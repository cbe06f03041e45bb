"""Runs commands in turn and measures each as a whole process: wall clock and peak memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from benchmarks.suite import REPOSITORY, Comparison, Side

_STARTER = os.path.join(REPOSITORY, "benchmarks", "starter.py")


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


class Stopwatch:
    """Measures commands through a process that is small and does nothing else: see starter.py."""

    def __init__(self, starter: subprocess.Popen[str], told: str) -> None:
        self._starter, self._told = starter, told

    def floor(self) -> int:
        """The peak, in bytes, of the smallest program there is: no peak can have been seen below it so far."""
        return self.run(Side("true", ("true",))).peak

    def measure(self, comparison: Comparison, effort: Effort, warm: set[tuple[str, ...]]) -> Measured:
        """Warm up each that is not in `warm` yet, then run ours, theirs, ours, theirs, and so on."""
        measured = Measured(comparison)
        if missing := comparison.ours.missing or comparison.theirs.missing:
            measured.failure = missing
            return measured
        try:
            for side in (comparison.ours, comparison.theirs):
                if side.argv not in warm:
                    self.run(side)
                    warm.add(side.argv)
            start = time.monotonic()
            while len(measured.ours) < effort.most and (
                len(measured.ours) < effort.fewest or time.monotonic() - start < effort.seconds
            ):
                measured.ours.append(self.run(comparison.ours))
                measured.theirs.append(self.run(comparison.theirs))
        except (FailedRunError, OSError) as error:  # such as a full disk, where data are made for a run
            return Measured(comparison, failure=str(error))
        return measured

    def run(self, side: Side) -> Run:
        """Run one side once. Its output goes nowhere, or to a file where the side says its own seconds there."""
        if side.prepare:
            side.prepare()
        output = self._told if side.inner else os.devnull
        seconds, code, peak = self._ask(side.argv, side.cwd or os.getcwd(), _environment(side), output)
        if code not in side.codes:
            raise FailedRunError(f"{side.name} ended with code {code}: {_last_words(side)}")
        if side.inner:
            with open(self._told, encoding="utf-8") as told:
                seconds = float(told.read().split()[-1])
        return Run(seconds, peak * 1024)

    def _ask(
        self, argv: Sequence[str], cwd: str, environment: Mapping[str, str], output: str
    ) -> tuple[float, int, int]:
        assert self._starter.stdin is not None  # it was started with both pipes
        assert self._starter.stdout is not None
        print(json.dumps([argv, cwd, environment, output]), file=self._starter.stdin, flush=True)
        answer = self._starter.stdout.readline()
        if not answer:
            raise FailedRunError(f"the starter ended with code {self._starter.wait()}")
        seconds, code, peak = json.loads(answer)
        return seconds, code, peak


@contextmanager
def stopwatch() -> Iterator[Stopwatch]:
    """A stopwatch, whose process ends with the block."""
    command = (sys.executable, "-I", "-S", _STARTER)
    with (
        tempfile.NamedTemporaryFile() as told,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as starter,
    ):
        yield Stopwatch(starter, told.name)


def _environment(side: Side) -> Mapping[str, str]:
    return {**os.environ, **side.environment}


def _last_words(side: Side) -> str:
    """What the command says when it is run again with somebody listening."""
    again = subprocess.run(side.argv, capture_output=True, cwd=side.cwd, env=_environment(side), check=False, text=True)
    return " | ".join((again.stdout + again.stderr).strip().splitlines()[-3:])
