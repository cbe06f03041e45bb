"""The journal of a run: records of JSON, a line each, chained by digest and durable one by one.

A line is `<digest> <json>`, the digest being sha256 of the previous line's digest (at first: of the run's id) and
the JSON. So each record has a checksum, and none can be edited, left out or moved to another run without notice.
Each record is fsynced as it is appended; there is no second one behind a record that is not yet durable, so only
the last one can ever be torn.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Mapping
from typing import Any, NamedTuple

from reconciler.transaction.result import JournalError


class Record(NamedTuple):
    """One record: what happened, when (seconds of the passed-in clock), the rest, and its digest in the chain."""

    kind: str
    time: float
    data: Mapping[str, Any]
    digest: str


class Reading(NamedTuple):
    """A journal as read: its whole records, their length in bytes, and whether a torn one follows them."""

    records: tuple[Record, ...]
    length: int
    torn: bool


_EMPTY = Reading((), 0, torn=False)


def _chain(previous: str, text: bytes) -> str:
    return hashlib.sha256(previous.encode() + text).hexdigest()


def read_journal(run: str, data: bytes) -> Reading:
    """Read the journal of `run`. Raises JournalError for a damaged record that is not the last."""
    *lines, rest = data.split(b"\n")
    records: list[Record] = []
    length, previous = 0, run
    for number, line in enumerate(lines, 1):
        record = _read(line, previous)
        if record is None:
            if number < len(lines) or rest or _goes_on(line, previous):
                raise JournalError(
                    f"{run}: record {number} of the journal is damaged; nothing is done before a person looked"
                )
            return Reading(tuple(records), length, torn=True)
        records.append(record)
        length, previous = length + len(line) + 1, record.digest
    if _goes_on(rest, previous):
        raise JournalError(f"{run}: the last record of the journal is damaged; nothing is done before a person looked")
    return Reading(tuple(records), length, torn=bool(rest))


def _goes_on(line: bytes, previous: str) -> bool:
    """Whether a whole record and more stands in a line: its end was damaged, as no tear can do.

    One byte more, or zeros, may be the place of a line's end that did not reach the disk.
    """
    digest, _, text = line.partition(b" ")
    try:
        _, end = json.JSONDecoder().raw_decode(text.decode("ascii", "replace"))
    except ValueError:
        return False
    return len(text[end:].strip(b"\0")) > 1 and _chain(previous, text[:end]) == digest.decode("ascii", "replace")


def _read(line: bytes, previous: str) -> Record | None:
    digest, _, text = line.partition(b" ")
    if _chain(previous, text) != digest.decode("ascii", "replace"):
        return None
    data = json.loads(text)
    return Record(data.pop("kind"), data.pop("time"), data, digest.decode())


class Journal:
    """The open journal of the current run, for appending.

    `doubtful` says that a record may or may not be on the disk: it could not be made durable, nor taken back.
    """

    def __init__(self, descriptor: int, run: str, reading: Reading = _EMPTY) -> None:
        self.descriptor = descriptor
        self.digest = reading.records[-1].digest if reading.records else run
        self.doubtful = False
        self._length = reading.length
        if reading.torn:
            self._take_back()

    def append(self, kind: str, time: float, **data: Any) -> None:
        """Write one record and make it durable, or take it back and raise OSError."""
        if self.doubtful:
            raise OSError(errno.EIO, "the journal could not be written before")
        text = json.dumps({"kind": kind, "time": time, **data}, separators=(",", ":")).encode()
        digest = _chain(self.digest, text)
        line = memoryview(f"{digest} ".encode() + text + b"\n")
        try:
            while line:
                line = line[os.write(self.descriptor, line) :]
            os.fdatasync(self.descriptor)
        except OSError:
            self._try_to_take_back()
            raise
        self._length, self.digest = os.fstat(self.descriptor).st_size, digest

    def _try_to_take_back(self) -> None:
        self.doubtful = True
        try:
            self._take_back()
        except OSError:
            return
        self.doubtful = False

    def _take_back(self) -> None:
        os.ftruncate(self.descriptor, self._length)
        os.fdatasync(self.descriptor)

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self.descriptor)
