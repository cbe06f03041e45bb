"""`--events`: what a run is doing, one JSON object a line, for whoever watches a long one."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from io import FileIO
from typing import TYPE_CHECKING

import click

from reconciler.errors import ReconcileError, UsageError
from reconciler.names import printable

if TYPE_CHECKING:
    from reconciler.workflow import Event

FORMAT_VERSION = "1.0"

STANDARD_ERROR = "-"

_Write = Callable[[bytes], object]


@contextmanager
def told_events(path: str | None) -> Iterator[Event]:
    """A function that takes an event by its name and data; the last one is `finished` or `failed`.

    `path` is a file, which is replaced, or `-` for standard error; None tells nobody.
    """
    if path is None:
        yield _nobody
        return
    with _opened(path) as write:
        events = _Events(write)
        try:
            yield events.tell
        except BaseException as error:
            from reconciler.redaction import redacted

            outcome = error.outcome if isinstance(error, ReconcileError) else "error"
            events.tell("failed", {"outcome": outcome, "error": redacted(str(error))})
            raise
        events.tell("finished", {})
        if events.lost:
            click.echo(f"warning: {printable(path)}: events were lost: {events.lost}", err=True)


def _nobody(_event: str, _data: object) -> None:
    """Tell nobody."""


@contextmanager
def _opened(path: str) -> Iterator[_Write]:
    """What writes to `path`, with no buffer of its own: closing must not fail for what was lost already."""
    if path == STANDARD_ERROR:
        yield lambda line: os.write(2, line)
        return
    with _created(path) as file:
        yield file.write


def _created(path: str) -> FileIO:
    try:
        return FileIO(path, "w")
    except OSError as error:
        message = f"{printable(path)}: cannot be written: {error.strerror}; name a file you may write to for --events"
        raise UsageError(message) from error


class _Events:
    """Writes events as they come. What cannot be written is lost, and is no reason to break off a run."""

    def __init__(self, write: _Write) -> None:
        self._write = write
        self.lost = ""

    def tell(self, event: str, data: dict[str, object]) -> None:
        at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = json.dumps({"format_version": FORMAT_VERSION, "event": event, "at": at, **data})
        try:
            self._write(line.encode() + b"\n")
        except OSError as error:
            self.lost = error.strerror or str(error)
