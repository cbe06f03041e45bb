"""Handlers: commands of the manifest that a run calls, as argument lists, without a shell.

Only the manifest says what is run. No name of a model, no plan file and no variable of ours reaches a command.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Sequence
from typing import IO, Protocol

from reconciler.errors import ApplyError
from reconciler.names import printable
from reconciler.phases import phase
from reconciler.redaction import redacted_command

_PASSED_ON = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "XDG_RUNTIME_DIR")
"""What a handler sees of our environment: enough for systemctl and the like, and no secrets of a pipeline."""

_MOST_OUTPUT = 64 * 1024
"""Bytes of a handler's output that go to the log."""


class HandlerError(ApplyError):
    """A handler failed, did not end in time, or could not be started."""


class Command(Protocol):
    """What a manifest says of one handler: the argument list, and seconds that it may take."""

    @property
    def command(self) -> Sequence[str]:
        """Program and arguments."""

    @property
    def timeout(self) -> float:
        """Seconds."""


@phase("handlers")
def run_handlers(handlers: Iterable[Command], directory: str, log: Callable[[str], None]) -> None:
    """Run each handler in `directory`, one after the other; `log` gets their output when they end.

    Raises HandlerError for the first that fails; those after it are not run.
    """
    for handler in handlers:
        _run(handler, directory, log)


def _run(handler: Command, directory: str, log: Callable[[str], None]) -> None:
    shown = printable(redacted_command(handler.command))
    log(f"handler {shown}: started")
    # A file and not a pipe: a service that the handler starts may keep it open for years.
    with tempfile.TemporaryFile() as output:
        try:
            code = _wait(_start(handler, directory, output), handler.timeout)
        except (OSError, ValueError) as error:
            message = f"handler {shown}: cannot be started: {error}; correct the command in the manifest"
            raise HandlerError(message) from error
        finally:
            output.seek(0)
            for line in output.read(_MOST_OUTPUT).decode(errors="surrogateescape").splitlines():
                log(f"handler {shown}: {printable(line)}")
    if code is None:
        raise HandlerError(
            f"handler {shown}: did not end within {handler.timeout:g} s and was killed; raise its timeout"
        )
    if code:
        told = f"was ended by signal {-code}" if code < 0 else f"exited with {code}"
        raise HandlerError(f"handler {shown}: {told}; see its output, correct the cause, and apply again")
    log(f"handler {shown}: done")


def _start(handler: Command, directory: str, output: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        list(handler.command),
        cwd=directory,
        env={name: os.environ[name] for name in _PASSED_ON if name in os.environ},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def _wait(process: subprocess.Popen[bytes], timeout: float) -> int | None:
    """The exit code, or None where the time is over; then, and on Ctrl-C, all that it started is killed."""
    try:
        return process.wait(timeout)
    except subprocess.TimeoutExpired:
        return None
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
