"""What a model directory remembers between runs, in `.ocr-reconcile/lock/seen`: replaced whole, or not at all."""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress

from reconciler.facts import STATE_DIRECTORY
from reconciler.planning.memory import Memory, memory_text, parse_memory

_PATH = ("lock", "seen")
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_LARGEST = 512 * 2**20


def read_memory(root: int) -> Memory:
    """The memory of the model directory open at `root`; empty if there is none.

    One that cannot be read or is damaged has a `fault`: then nothing in it is known, neither that a model was seen
    nor that it was protected.
    """
    try:
        return parse_memory(_read(root))
    except FileNotFoundError:
        return Memory()
    except OSError as error:
        return Memory(fault=f"cannot be read ({error.strerror})")
    except (ValueError, RecursionError) as error:
        return Memory(fault=f"cannot be used ({error})")


def _read(root: int) -> bytes:
    state = os.open(STATE_DIRECTORY, _DIRECTORY, dir_fd=root)
    try:
        lock = os.open(_PATH[0], _DIRECTORY, dir_fd=state)
    finally:
        os.close(state)
    try:
        descriptor = os.open(_PATH[1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=lock)
    finally:
        os.close(lock)
    with open(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError("not a regular file")
        return stream.read(_LARGEST)


def write_memory(lock: int, memory: Memory) -> None:
    """Replace the memory in the directory open at `lock`. Raises OSError; then the old one is still there."""
    temporary = f"seen-{secrets.token_hex(6)}"
    descriptor = os.open(
        temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=lock
    )
    try:
        with open(descriptor, "wb") as stream:
            stream.write(memory_text(memory))
            stream.flush()
            os.fsync(descriptor)
        os.rename(temporary, _PATH[1], src_dir_fd=lock, dst_dir_fd=lock)
        os.fsync(lock)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=lock)
        raise
