"""Crashes and faults at the border to the operating system, inside this process."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any
from unittest import mock

CHANGING = (
    "rename",
    "unlink",
    "rmdir",
    "mkdir",
    "write",
    "pwrite",
    "fsync",
    "fdatasync",
    "ftruncate",
    "link",
    "fchmod",
)


class Crash(BaseException):
    """The process is gone: from here on it changes nothing any more."""


class Breaker:
    """Counts the calls that change the disk, and breaks at one of them. `calls` is what was called."""

    def __init__(self, at: int, error: int | None) -> None:
        self.at, self.error = at, error
        self.calls: list[str] = []

    def wrap(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def broken(*args: Any, **kwargs: Any) -> Any:
            self.calls.append(name)
            count = len(self.calls)
            if self.error is None and count >= self.at:
                raise Crash(name)
            if self.error is not None and count == self.at:
                raise OSError(self.error, os.strerror(self.error))
            return call(*args, **kwargs)

        return broken


@contextmanager
def broken(at: int, error: int | None = None) -> Iterator[Breaker]:
    """Break at the call number `at` (from 1): crash, or fail once with `error`."""
    from reconciler.transaction import quarantine, tree

    breaker = Breaker(at, error)
    with ExitStack() as patches:
        for name in CHANGING:
            patches.enter_context(mock.patch.object(os, name, breaker.wrap(name, getattr(os, name))))
        give = breaker.wrap("renameat2", tree.rename_without_replacing)
        patches.enter_context(mock.patch.object(quarantine, "rename_without_replacing", give))
        yield breaker


def breaks(run: Callable[[], object], at: int, error: int | None = None) -> Breaker:
    """Run with a break; errors of the package and the crash are what is expected of it."""
    from reconciler.errors import ReconcileError

    with broken(at, error) as breaker, suppress(Crash, ReconcileError):
        run()
    return breaker
