"""Plan files on disk: written whole or not at all, read as untrusted input."""

from __future__ import annotations

import os
import stat

from reconciler.errors import PlanFileError, UsageError
from reconciler.names import printable
from reconciler.planning.plan import Plan
from reconciler.planning.planfile import LARGEST, parse_plan, plan_text
from reconciler.writing import write_whole


def write_plan_file(plan: Plan, path: str) -> None:
    """Write `plan` to `path`, as `write_result` does."""
    write_result(plan_text(plan), path, "the plan")


def write_result(data: bytes, path: str, what: str) -> None:
    """Write `data` to `path`, whole or not at all, following symbolic links; `what` is it in words.

    Raises UsageError where that cannot be done, or would put a file in the place of a device or a FIFO.
    """
    target = os.path.realpath(path)
    try:
        if os.path.exists(target) and not os.path.isfile(target):
            raise UsageError(f"{printable(path)}: not a regular file; name a file to write {what} to")
        write_whole(target, data)
    except OSError as error:
        message = f"{printable(path)}: cannot be written: {error.strerror}; name a file in a directory you may write to"
        raise UsageError(message) from error


def read_plan_file(path: str) -> Plan:
    """The plan at `path`; raises PlanFileError where there is none that can be used."""
    try:
        with open(path, "rb", opener=_open_regular) as file:
            data = file.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        message = f"{printable(path)}: cannot be read: {why}; name the file that plan --out wrote"
        raise PlanFileError(message) from error
    if len(data) > LARGEST:
        raise PlanFileError(f"{printable(path)}: larger than any plan; name the file that plan --out wrote")
    return parse_plan(data, printable(path))


def _open_regular(path: str, flags: int) -> int:
    """Open a regular file and nothing that blocks, such as a FIFO."""
    descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    message = "not a regular file"
    raise ValueError(message)
