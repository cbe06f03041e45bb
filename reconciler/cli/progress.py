"""What a long command is doing, on standard error, once it has taken longer than a second. Terminals only."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from reconciler.cli.logs import DEBUG, INFO, LOGS
from reconciler.names import printable

PATIENCE = 1.0
"""Seconds without an answer after which a person wants to know what is going on."""

_CLEAR = "\r\x1b[2K"


@contextmanager
def shown_progress() -> Iterator[Callable[[str], None]]:
    """A function that takes what is being done now; the line is shown after `PATIENCE` and wiped at the end.

    With `--verbose` each step is logged instead.
    """
    if LOGS.level <= DEBUG:
        yield lambda text: LOGS.log(printable(text), DEBUG)
        return
    if not sys.stderr.isatty() or LOGS.json or LOGS.level > INFO:
        yield lambda _: None
        return
    line = _ProgressLine()
    try:
        yield line.say
    finally:
        line.end()


class _ProgressLine:
    """One line on standard error, first written by a timer, so that one long phase shows too."""

    def __init__(self) -> None:
        self._text = ""
        self._shown = False
        self._lock = threading.Lock()
        self._timer = threading.Timer(PATIENCE, self._show)
        self._timer.daemon = True
        self._timer.start()

    def say(self, text: str) -> None:
        with self._lock:
            self._text = printable(text)
            if self._shown:
                self._write()

    def end(self) -> None:
        self._timer.cancel()
        self._timer.join()
        if self._shown:
            sys.stderr.write(_CLEAR)
            sys.stderr.flush()

    def _show(self) -> None:
        with self._lock:
            self._shown = True
            self._write()

    def _write(self) -> None:
        sys.stderr.write(f"{_CLEAR}{self._text} …")
        sys.stderr.flush()
