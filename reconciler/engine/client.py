"""Asks an engine in a process of its own: it can abort, hang and steal signal handlers there as it likes."""

from __future__ import annotations

import os
import select
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Self

from reconciler.errors import EngineError, ModelDirectoryError

if TYPE_CHECKING:
    from types import TracebackType

    from reconciler.facts import EngineFacts

DEFAULT_TIMEOUT = 60.0
"""Seconds that an engine has where no manifest says otherwise."""

MAX_ANSWER = 64 << 20
"""Bytes: half a million long names. An answer beyond it is not from our child."""

STDERR_KEPT = 8 << 10
"""Bytes of the end of stderr that are kept for messages."""
_KILL_GRACE = 5.0
_PATH_MAX = 4096
_CHILD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "child.py")
_ENVIRONMENT = {
    "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1",  # without it, AsposeAI() aborts where ICU is newer than 70
    "COMPlus_EnableDiagnostics": "0",  # no debugger pipes in the temporary directory
    "COMPlus_TC_QuickJitForLoops": "1",  # what runs once is compiled unoptimised: saves a twelfth
}


class EngineChild:
    """One session with the engine in its own process: started, asked once, gone.

    `start` does not wait, so the engine loads while the caller does something else. Use it as a context manager:
    leaving it kills what still runs and removes the private directory.
    """

    def __init__(self, process: subprocess.Popen[bytes], python: str, timeout: float, home: str) -> None:
        self._process = process
        self._python = python
        self._timeout = timeout
        self._deadline = 0.0  # set when it is asked
        self._home = home

    @classmethod
    def start(cls, python: str | None, timeout: float) -> Self:
        """Start `python` (a path, or a name looked up in PATH; None: our own); `timeout` in seconds counts from `ask`.

        Raises `EngineError` when it cannot be started.
        """
        interpreter = _interpreter(python)
        home = _private_directory()
        try:
            return cls(_spawn(interpreter, home), interpreter, timeout, home)
        except BaseException:
            shutil.rmtree(home, ignore_errors=True)  # a signal may come when the child is there, and at work
            raise

    def ask(self, model_directory: str | None, base: str) -> EngineFacts:
        """List, free, and wait for the exit of the process, which is part of the proof of release.

        `model_directory` is absolute, or None for the engine's own; that one is relative to `base`, the caller's
        working directory. Raises `EngineError` and `ModelDirectoryError`; the child is gone in any case.
        """
        from reconciler.engine.protocol import Ending, Request, facts_of  # after the start, while the engine loads

        try:
            _check_path(model_directory)
            self._deadline = time.monotonic() + self._timeout
            request = Request(None if model_directory is None else _utf8(model_directory), _utf8(base)).encode()
            answer, stderr = self._converse(request)
            code = self._exit_code()
            stderr = (stderr + _leftover(self._process.stderr))[-STDERR_KEPT:]
        except subprocess.TimeoutExpired:
            raise self._timed_out() from None
        finally:
            self.cancel()
        return facts_of(Ending(self._python, code, answer, stderr))

    def cancel(self) -> None:
        """Kill the process and its descendants, reap it, and remove its directory. May be called again."""
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()
        if self._process.returncode is None:
            self._kill()
        shutil.rmtree(self._home, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cancel()

    def _kill(self) -> None:
        # Not reaped yet, so the number of its group cannot belong to anyone else.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        try:
            self._process.wait(_KILL_GRACE)
        except subprocess.TimeoutExpired:
            what = f"process {self._process.pid} does not end after SIGKILL"
            remedy = "look for a file system that does not answer"
            raise EngineError(f"{self._python}: {what}; {remedy}") from None

    def _converse(self, request: bytes) -> tuple[bytes, bytes]:
        """Send the request and read until the answer's pipe is closed; the answer, and the end of stderr."""
        stdin, stdout, stderr = _pipes(self._process)
        os.set_blocking(stdin.fileno(), False)
        answer, last_words = bytearray(), bytearray()
        with selectors.DefaultSelector() as selector:
            selector.register(stdin, selectors.EVENT_WRITE)
            selector.register(stdout, selectors.EVENT_READ, answer)
            selector.register(stderr, selectors.EVENT_READ, last_words)
            while stdout in selector.get_map():
                for key, _ in selector.select(self._remaining()):
                    if key.fileobj is stdin:
                        request = _send(key.fd, request)
                        if not request:
                            selector.unregister(stdin)
                            stdin.close()
                    elif not _receive(key.fd, key.data):
                        selector.unregister(key.fileobj)
                del last_words[:-STDERR_KEPT]
                if len(answer) > MAX_ANSWER:
                    what = f"it answers with more than {MAX_ANSWER} bytes and was killed"
                    raise EngineError(f"{self._python}: {what}; check that `engine.python` names a Python")
        return bytes(answer), bytes(last_words)

    def _exit_code(self) -> int:
        """Wait for the end of the process: `subprocess` alone looks again only after 1, 2, 4 and more milliseconds."""
        with suppress(AttributeError, OSError):  # Linux has it; a sandbox may refuse it
            descriptor = os.pidfd_open(self._process.pid)
            try:
                select.select([descriptor], [], [], self._remaining())
            finally:
                os.close(descriptor)
        return self._process.wait(self._remaining())

    def _remaining(self) -> float:
        """Seconds until the deadline; raises when there are none."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise subprocess.TimeoutExpired(self._python, self._timeout)
        return left

    def _timed_out(self) -> EngineError:
        what = f"the engine did not answer and exit within {self._timeout:g} s and was killed"
        return EngineError(f"{self._python}: {what}; raise `engine.timeout`, or set `discovery: [directory]`")


def _interpreter(python: str | None) -> str:
    """The interpreter to start: a path is made absolute (the child has another working directory), not resolved.

    Resolving the symlink of a virtual environment would leave the environment.
    """
    chosen = sys.executable if python is None else python
    if not chosen or "\0" in chosen:
        raise EngineError(f"{chosen!r}: is not an interpreter; name one in `engine.python`")
    return os.path.abspath(chosen) if "/" in chosen else chosen


def _private_directory() -> str:
    """The working directory of one child, mode 0700: what the engine's relative paths mean."""
    try:
        return tempfile.mkdtemp(prefix="ocr-reconcile-")
    except OSError as error:
        where = error.filename or "temporary directory"
        raise EngineError(
            f"{where}: cannot be created: {error.strerror}; set TMPDIR to a directory with room"
        ) from error


def _spawn(python: str, home: str) -> subprocess.Popen[bytes]:
    """Start the child as the leader of a session of its own, so that all its descendants can be killed."""
    # -I: neither PYTHON* variables nor the user's site-packages nor the script's directory change what is imported.
    # -B: writes nothing into the service's environment. -X utf8: paths mean the same bytes here and there.
    command = [python, "-I", "-B", "-X", "utf8", _CHILD]
    environment = {**os.environ, **_ENVIRONMENT, "TMPDIR": home}
    pipe = subprocess.PIPE
    try:
        return subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=pipe, cwd=home, env=environment, bufsize=0, start_new_session=True
        )
    except OSError as error:
        raise EngineError(f"{python}: cannot be started: {_why_not_started(python, error)}") from error


def _why_not_started(python: str, error: OSError) -> str:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        why = "no such file, or none that its first line (`#!`) names"
    elif os.path.isdir(python):
        why = "it is a directory"
    elif isinstance(error, PermissionError):
        why = "it is not executable for this user"
    else:
        why = str(error.strerror)
    return f"{why}; name a Python interpreter in `engine.python`, such as /opt/service/venv/bin/python"


def _check_path(path: str | None) -> None:
    """A path that no operating system call can take must not reach the child."""
    if path is None:
        return
    if "\0" in path or not os.path.isabs(path):
        raise ModelDirectoryError(f"{path!r}: is not an absolute path; correct `modelPath`")
    if len(os.fsencode(path)) > _PATH_MAX:
        raise ModelDirectoryError(f"{path[:60]}…: is longer than {_PATH_MAX} bytes; correct `modelPath`")


def _utf8(path: str) -> str:
    """The same bytes as the child decodes them: it runs in UTF-8 mode, whatever the locale of this process."""
    return os.fsencode(path).decode("utf-8", "surrogateescape")


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes], IO[bytes]]:
    if process.stdin is None or process.stdout is None or process.stderr is None:
        raise AssertionError("started with three pipes")
    return process.stdin, process.stdout, process.stderr


def _send(descriptor: int, request: bytes) -> bytes:
    """Write what fits; what is left, nothing also where the child is gone: its exit code or answer says why."""
    try:
        return request[os.write(descriptor, request) :]
    except BrokenPipeError:
        return b""


def _receive(descriptor: int, into: bytearray) -> bool:
    """Read what is there; whether more may come."""
    chunk = os.read(descriptor, 1 << 16)
    into += chunk
    return bool(chunk)


def _leftover(pipe: IO[bytes] | None) -> bytes:
    """What a process that has exited left in a pipe that someone else may still hold open."""
    if pipe is None:
        return b""
    os.set_blocking(pipe.fileno(), False)
    return pipe.read(STDERR_KEPT) or b""
