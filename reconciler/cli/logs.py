"""What a run says on standard error, besides its error: lines with the id of the run, or JSON objects.

The library `logging` does the work, and is imported when there is a first line to log.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from reconciler import invocation

if TYPE_CHECKING:
    from logging import Logger, LogRecord

DEBUG, INFO, WARNING, ERROR = 10, 20, 30, 40
"""As in `logging`, which is not imported for them. DEBUG is what is being done, INFO what handlers say."""


class Logs:
    """How this process logs; one for the process, because an error is told when every context is gone."""

    def __init__(self) -> None:
        self.level = INFO
        self.json = False
        self._logger: Logger | None = None

    def configure(self, *, verbose: bool, quiet: bool, format_: str) -> None:
        """Take the options in; `quiet` wins over `verbose`."""
        self.level = WARNING if quiet else DEBUG if verbose else INFO
        self.json = format_ == "json"
        self._logger = None

    def log(self, message: str, level: int = INFO, **data: object) -> None:
        """Log a line, without secrets; `data` shows in JSON only."""
        if level >= self.level:
            from reconciler.redaction import redacted  # its patterns take 3 ms, and most runs log nothing

            self._open().log(level, "%s", redacted(message), extra={"data": data})

    def _open(self) -> Logger:
        if self._logger is None:
            self._logger = _new_logger(invocation.ID, as_json=self.json)
        return self._logger


LOGS = Logs()


def _new_logger(run: str, *, as_json: bool) -> Logger:
    import logging

    class Formatter(logging.Formatter):
        """One line a record."""

        def format(self, record: LogRecord) -> str:
            message = record.getMessage()
            return _as_json(record, run, message) if as_json else f"[{run}] {message}"

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Formatter())
    logger = logging.Logger("ocr-reconcile", DEBUG)  # noqa: LOG001  # ours alone, out of reach of a library
    logger.addHandler(handler)
    return logger


def _as_json(record: LogRecord, run: str, message: str) -> str:
    import json
    from datetime import UTC, datetime

    at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    data: dict[str, object] = getattr(record, "data", {})
    return json.dumps({"time": at, "level": record.levelname.lower(), "run": run, "message": message, **data})
