"""Where our state lies in a model directory: the runs, the lock, and the head of the chain of runs."""

from __future__ import annotations

import errno
import os
import re
import secrets
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from reconciler.errors import ApplyError
from reconciler.facts import STATE_DIRECTORY
from reconciler.transaction.journal import Journal, read_journal
from reconciler.transaction.log import RunLog, read_log
from reconciler.transaction.quarantine import Quarantine
from reconciler.transaction.result import JournalError
from reconciler.transaction.tree import Tree

_FILE = os.O_NOFOLLOW | os.O_CLOEXEC
_APPEND = os.O_WRONLY | os.O_APPEND | _FILE
_STAMP = "%Y%m%dT%H%M%S.%fZ"
_ID = re.compile(r"\d{8}T\d{6}\.\d{6}Z-[0-9a-f]{6}")


class OpenRun:
    """A run being carried out: its directory and its journal."""

    def __init__(self, run: str, folder: int, journal: Journal) -> None:
        self.run, self.folder, self.journal = run, folder, journal

    def close(self) -> None:
        """Close the descriptors."""
        self.journal.close()
        os.close(self.folder)


class Store:
    """The open state directory. `last` is the newest run and the digest of its last record, once it was recovered."""

    def __init__(self, tree: Tree, runs: int, lock: int) -> None:
        self.tree, self.runs, self.lock = tree, runs, lock
        self.last: tuple[str, str] | None = None
        self._unfinished = False

    @classmethod
    def create(cls, tree: Tree) -> Store:
        """Open the state directory, made if it is missing. Raises ApplyError."""
        try:
            return cls._open(tree, _make)
        except OSError as error:
            where = f"{tree.where}/{STATE_DIRECTORY}"
            raise ApplyError(f"{where}: cannot be used ({error.strerror}); nothing was touched") from error

    @classmethod
    def find(cls, tree: Tree) -> Store | None:
        """Open the state directory for reading; None if there is none. Raises JournalError."""
        try:
            return cls._open(tree, lambda tree, name, within, _mode: tree.enter(name, within))
        except FileNotFoundError:
            return None
        except OSError as error:
            where = f"{tree.where}/{STATE_DIRECTORY}"
            raise JournalError(f"{where}: cannot be read ({error.strerror}); ask as the user that applies") from error

    @classmethod
    def _open(cls, tree: Tree, enter: Callable[[Tree, str, int, int], int]) -> Store:
        with ExitStack() as opened:
            state = enter(tree, STATE_DIRECTORY, tree.root, 0o755)
            opened.callback(os.close, state)
            runs = enter(tree, "runs", state, 0o700)
            with ExitStack() as failed:
                failed.callback(os.close, runs)
                lock = enter(tree, "lock", state, 0o700)
                failed.pop_all()
            return cls(tree, runs, lock)

    def close(self) -> None:
        """Close the descriptors."""
        os.close(self.runs)
        os.close(self.lock)

    def ids(self) -> list[str]:
        """The ids of all runs, oldest first."""
        return sorted(filter(_ID.fullmatch, os.listdir(self.runs)))

    def new_id(self, now: float) -> str:
        """An id that sorts after all others, even if the clock was set back."""
        moment = datetime.fromtimestamp(now, UTC)
        if ids := self.ids():
            last = datetime.strptime(ids[-1].rpartition("-")[0], _STAMP).replace(tzinfo=UTC)
            moment = max(moment, last + timedelta(microseconds=1))
        return f"{moment.strftime(_STAMP)}-{secrets.token_hex(3)}"

    def read(self, run: str) -> RunLog | None:
        """What the journal of `run` says; None if it did not even begin. Raises JournalError, OSError."""
        folder = self.tree.enter(run, self.runs)
        try:
            return read_log(run, read_journal(run, _content("journal", folder)))
        except FileNotFoundError:
            return None
        finally:
            os.close(folder)

    def quarantine(self, run: str) -> Quarantine | None:
        """The quarantine of `run`; None if all of it is purged or restored. Raises OSError."""
        folder = self.tree.enter(run, self.runs)
        try:
            return Quarantine(self.tree, self.tree.enter("quarantine", folder))
        except FileNotFoundError:
            return None
        finally:
            os.close(folder)

    def quarantine_of(self, run: str) -> Quarantine:
        """The quarantine of `run`, which must be there. Raises ApplyError, OSError."""
        quarantine = self.quarantine(run)
        if quarantine is None:
            raise ApplyError(f"{run}: its quarantine is gone; nothing was touched")
        return quarantine

    def remove_quarantine(self, run: str) -> bool:
        """Remove the quarantine directory of `run` if it is empty; whether it is gone. Raises OSError."""
        folder = self.tree.enter(run, self.runs)
        try:
            os.rmdir("quarantine", dir_fd=folder)
        except FileNotFoundError:
            return True
        except OSError:
            if self._occupied(folder):
                return False
            raise
        finally:
            os.close(folder)
        return True

    def _occupied(self, folder: int) -> bool:
        descriptor = self.tree.enter("quarantine", folder)
        try:
            return bool(os.listdir(descriptor))
        finally:
            os.close(descriptor)

    def begin(self, kind: str, now: float, quarantine: bool, **record: Any) -> OpenRun:
        """Make a run durable before its first effect. Raises OSError; then nothing of it is left, or a husk."""
        if self._unfinished:
            raise ApplyError(f"{self.tree.where}: an earlier run is not finished; start again, which recovers it")
        run = self.new_id(now)
        os.mkdir(run, 0o700, dir_fd=self.runs)
        self._unfinished = True
        try:
            opened = self._begin(run, now, quarantine, {"of": kind, "previous": self.last, **record})
        except BaseException:
            with suppress(OSError):
                self.discard(run)
                self._unfinished = False
            raise
        self.last = run, opened.journal.digest
        return opened

    def _begin(self, run: str, now: float, quarantine: bool, record: Mapping[str, Any]) -> OpenRun:
        with ExitStack() as opened:
            folder = self.tree.enter(run, self.runs)
            opened.callback(os.close, folder)
            if quarantine:
                os.mkdir("quarantine", 0o700, dir_fd=folder)
            descriptor = os.open("journal", _APPEND | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=folder)
            opened.callback(os.close, descriptor)
            journal = Journal(descriptor, run)
            journal.append("begin", now, **record)
            os.fsync(folder)
            os.fsync(self.runs)
            opened.pop_all()
            return OpenRun(run, folder, journal)

    def end(self, run: OpenRun, now: float, **record: Any) -> None:
        """Append the last record of a run. Raises OSError."""
        run.journal.append("end", now, **record)
        self._unfinished = False
        self.last = run.run, run.journal.digest

    def reopen(self, run: str) -> OpenRun:
        """Open an unfinished run for appending; a torn last record is cut off. Raises OSError, JournalError."""
        with ExitStack() as opened:
            folder = self.tree.enter(run, self.runs)
            opened.callback(os.close, folder)
            descriptor = os.open("journal", _APPEND, dir_fd=folder)
            opened.callback(os.close, descriptor)
            journal = Journal(descriptor, run, read_journal(run, _content("journal", folder)))
            opened.pop_all()
            return OpenRun(run, folder, journal)

    def discard(self, run: str) -> None:
        """Remove what is left of a run that did not begin. Raises OSError, ENOTEMPTY if a file is in quarantine."""
        folder = self.tree.enter(run, self.runs)
        try:
            with suppress(FileNotFoundError):
                os.rmdir("quarantine", dir_fd=folder)
            with suppress(FileNotFoundError):
                os.unlink("journal", dir_fd=folder)
        finally:
            os.close(folder)
        os.rmdir(run, dir_fd=self.runs)

    def head(self) -> str:
        """The newest run and the digest of its beginning, `<run> <digest>`; empty if there is none."""
        try:
            return _content("head", self.lock).decode("ascii", "replace").strip()
        except FileNotFoundError:
            return ""

    def follow_head(self) -> bool:
        """Whether the head names a run that is missing. Then the next run follows on that one: it stays noticed."""
        run, _, digest = self.head().partition(" ")
        if not run or run in self.ids():
            return False
        self.last = run, digest
        return True

    def mend_head(self, run: str, beginning: str, digest: str) -> None:
        """Let the next run follow on the newest, and the head name that, where a crash came between. Raises OSError."""
        if self.follow_head():
            return
        self.last = run, digest
        if self.head() != f"{run} {beginning}":
            self.set_head(run, beginning)

    def set_head(self, run: str, digest: str) -> None:
        """Note the newest run, so that a missing one is noticed. One write of fixed length, never torn."""
        descriptor = os.open("head", os.O_WRONLY | os.O_CREAT | _FILE, 0o600, dir_fd=self.lock)
        try:
            os.pwrite(descriptor, f"{run} {digest}\n".encode(), 0)
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)


def _content(name: str, folder: int) -> bytes:
    with open(os.open(name, os.O_RDONLY | _FILE, dir_fd=folder), "rb") as stream:
        return stream.read()


def _make(tree: Tree, name: str, within: int, mode: int) -> int:
    """Open a directory of our state, made if it is missing, and durable.

    Only its user, root or the models' owner may have made it. The mode is set whatever the umask, also after a
    crash: an engine that may not read the outermost one fails to list any model.
    """
    with suppress(FileExistsError):
        os.mkdir(name, mode, dir_fd=within)
    descriptor = tree.enter(name, within)
    try:
        facts = os.fstat(descriptor)
        _refuse_foreign(facts, tree, name)
        if facts.st_mode & 0o777 != mode and facts.st_uid == os.geteuid():
            os.fchmod(descriptor, mode)
        os.fsync(within)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _refuse_foreign(facts: os.stat_result, tree: Tree, name: str) -> None:
    if facts.st_uid not in {0, os.geteuid(), tree.owner} or facts.st_mode & 0o022:
        raise PermissionError(errno.EPERM, "it belongs to somebody else, or others may write to it", name)
