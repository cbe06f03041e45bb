"""Signals that end a run, held back while the disk is between two states.

A handler only notes the signal; the run asks between two files, and opens a window (`raising`) around calls that
may take long. So no exception can come between a rename and what belongs to it, nor break into an undo.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from reconciler.errors import InterruptedRunError

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Signals:
    """The signals received so far. Off the main thread none is ever received: they go to the main thread."""

    def __init__(self) -> None:
        self.received: int | None = None
        self._open = False

    def handle(self, number: int, _frame: FrameType | None) -> None:
        """Note the signal, and raise at once where that is allowed. The window closes first: it raises once."""
        self.received = number
        if self._open:
            self._open = False
            self.check()

    def check(self) -> None:
        """Raise InterruptedRunError if a signal has been received."""
        if self.received is not None:
            raise InterruptedRunError(f"interrupted by {signal.Signals(self.received).name}")

    @contextmanager
    def raising(self) -> Iterator[None]:
        """Let a signal raise InterruptedRunError at any point of the body."""
        self.check()
        self._open = True
        try:
            yield
        finally:
            self._open = False
        self.check()


@contextmanager
def signals_deferred() -> Iterator[Signals]:
    """Hold SIGINT, SIGTERM and SIGHUP back, and put the former handlers back at the end.

    Raises InterruptedRunError at the end for a signal that came when it could not be heeded any more.
    A handler that Python did not install (`getsignal` says None) cannot be put back, and is left alone.
    """
    signals = Signals()
    former = {}
    if threading.current_thread() is threading.main_thread():
        former = {number: handler for number in ENDING if (handler := signal.getsignal(number)) is not None}
    try:
        for number, handler in former.items():
            if handler is not signal.SIG_IGN:
                signal.signal(number, signals.handle)
        yield signals
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
    if signals.received is not None:
        name = signal.Signals(signals.received).name
        raise InterruptedRunError(f"interrupted by {name}; what was done before stands: see `ocr-reconcile history`")
