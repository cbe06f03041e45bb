"""What questions are made of: sides, comparisons, and the bench that they are asked on."""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from itertools import pairwise
from pkgutil import iter_modules
from typing import Protocol, TypeVar, cast

REPOSITORY = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

_Result = TypeVar("_Result")

TIME = "time"
MEMORY = "memory"

GROWTH_TARGET = 1.2
"""What a cost at 100,000 may be, as a multiple of ten times that at 10,000."""


@dataclass(frozen=True, slots=True)
class Side:
    """One command. With `inner` it prints the seconds that count; `prepare` runs before each run, unmeasured.

    `missing` says why there is no such command on this machine.
    """

    name: str
    argv: tuple[str, ...] = ()
    cwd: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    inner: bool = False
    prepare: Callable[[], object] | None = None
    codes: frozenset[int] = frozenset({0})
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Ours beside theirs on the same work. The ratio is ours over `scale` times theirs.

    `models` says how many the work is about. `target` bounds the ratio, from below with `at_least`. `limit` says in
    words what keeps a missed one from being met.
    """

    what: str
    ours: Side
    theirs: Side
    models: int | None = None
    target: float | None = None
    at_least: bool = False
    scale: float = 1.0
    quantity: str = TIME
    limit: str = ""


class Question(Protocol):
    """A file of `benchmarks/questions`."""

    TITLE: str
    ABOUT: str

    def comparisons(self, bench: Bench) -> Iterator[Comparison]:
        """What is compared; data are made when a comparison needs them."""


@dataclass(frozen=True, slots=True)
class Bench:
    """Where and with what is measured: our environment, that of the peers, the tools, the data, the sizes."""

    data: str
    peer_environment: str
    tools: Mapping[str, str | None]
    sizes: tuple[int, ...]

    @property
    def thorough(self) -> bool:
        """Whether there is time for what takes minutes."""
        return self.sizes[-1] >= 100_000

    @property
    def python(self) -> str:
        """The interpreter of our own environment."""
        return sys.executable

    def ours(self, *arguments: str, name: str = "ocr-reconcile", codes: frozenset[int] = frozenset({0})) -> Side:
        """Our command as it is installed."""
        command = os.path.join(os.path.dirname(sys.executable), "ocr-reconcile")
        return Side(name, (command, *arguments), codes=codes)

    def piece(self, name: str, module: str, *arguments: str, python: str | None = None) -> Side:
        """A part of a question in a process of its own, which says its own seconds."""
        argv = (python or self.python, "-m", module, *arguments)
        return Side(name, argv, cwd=REPOSITORY, inner=True)

    def tool(self, name: str, command: str, *arguments: str, environment: Mapping[str, str] | None = None) -> Side:
        """A peer of the operating system or of the peers' environment."""
        path = self.tools.get(command)
        if path is None:
            return Side(name, missing=f"{command} is not installed and could not be installed")
        return Side(name, (path, *arguments), environment=environment or {})

    def peer_python(self) -> str:
        """The interpreter of the peers' environment."""
        return os.path.join(self.peer_environment, "bin", "python")

    def path(self, *parts: str) -> str:
        """A path among the data."""
        return os.path.join(self.data, *parts)

    def growth(
        self, what: str, side: Callable[[int], Side], *, aimed: bool = True, limit: str = ""
    ) -> Iterator[Comparison]:
        """Each size beside the one before it, as a multiple of what proportional growth would cost.

        With `aimed` the largest has the target of our costs; a peer has none.
        """
        for small, large in pairwise(self.sizes):
            target = GROWTH_TARGET if aimed and (small, large) == (10_000, 100_000) else None
            factor = large / small
            label = f"{what}: growth from {small:,}, over {factor:g} times"
            yield Comparison(label, side(large), side(small), large, target, scale=factor, limit=limit)


def questions() -> dict[str, Question]:
    """Every question by the name of its file, in the order of these names."""
    package = import_module("benchmarks.questions")
    names = sorted(module.name for module in iter_modules(package.__path__))
    return {name: cast("Question", import_module(f"benchmarks.questions.{name}")) for name in names}


def say_seconds(work: Callable[[], _Result]) -> _Result:
    """Print the seconds of `work`, done once, as a command does it: a second time finds its memory ready.

    Returns what the work gives, for the caller to check.

    Without garbage collection, whoever's work it is: our command turns it off, and so does the timeit module.
    """
    gc.disable()
    start = time.perf_counter()
    result = work()
    print(time.perf_counter() - start)
    return result
