"""Real second processes that hold a file, and the evidence of real files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reconciler.facts import FileFacts

NOBODY = 65534
AS_ROOT = os.geteuid() == 0

WAYS = {
    "read": "f = open(path)",
    "write": "f = open(path, 'r+')",
    "mapping": "f = open(path); m = mapped(f); f.close()",
    "shared mapping": "f = open(path, 'r+'); m = mapped(f, write=True); f.close()",
    "flock": "f = open(path); fcntl.flock(f, fcntl.LOCK_EX)",
    "flock kept by a mapping": "f = open(path); fcntl.flock(f, fcntl.LOCK_SH); m = mapped(f); f.close()",
    "posix": "f = open(path, 'r+'); fcntl.lockf(f, fcntl.LOCK_EX)",
    "lease": "fd = os.open(path, os.O_RDONLY); fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)",
    "nothing": "",
}

# mmap.mmap keeps a duplicate of the descriptor, so the mapping is made by mmap(2) itself.
_CHILD = """
import ctypes, fcntl, os, signal, sys, threading, time
path, user = sys.argv[1], int(sys.argv[2])
signal.signal(signal.SIGIO, signal.SIG_IGN)
def mapped(file, write=False):
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
    address = libc.mmap(None, 1, 3 if write else 1, 1, file.fileno(), 0)
    assert address != ctypes.c_void_p(-1).value
    return address
{hold}
if user:
    os.setgroups([]); os.setresgid(user, user, user); os.setresuid(user, user, user)
sys.stdout.write("ready\\n"); sys.stdout.flush()
{then}
"""

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a process that does `code` to a file, as a user, and tell when it holds it; ended after the test."""
    running: list[subprocess.Popen[str]] = []

    def begin(path: Path | str, code: str, *, user: int = 0, then: str = "time.sleep(600)") -> subprocess.Popen[str]:
        script = _CHILD.replace("{hold}", code).replace("{then}", then)
        arguments = [sys.executable, "-I", "-c", script, str(path), str(user)]
        process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
        running.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    yield begin
    for process in running:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


@pytest.fixture
def room() -> Iterator[Path]:
    """A directory that every user may enter, unlike pytest's own."""
    path = tempfile.mkdtemp(prefix="holders-")
    os.chmod(path, 0o755)
    yield Path(path)
    shutil.rmtree(path)


@pytest.fixture
def directory(room: Path) -> Iterator[int]:
    """The same directory as an open descriptor."""
    fd = os.open(room, os.O_RDONLY | os.O_DIRECTORY)
    yield fd
    os.close(fd)


def facts_of(directory_fd: int, name: str) -> FileFacts:
    found = os.stat(name, dir_fd=directory_fd, follow_symlinks=False)
    return FileFacts(
        name, found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_nlink, found.st_blocks * 512
    )


@pytest.fixture
def model(room: Path, directory: int) -> Callable[..., FileFacts]:
    """Write a model file, and give the evidence of it."""

    def write(name: str = "a.gguf", content: bytes = b"GGUF" * 64) -> FileFacts:
        with open(os.path.join(os.fsencode(room), os.fsencode(name)), "wb") as file:
            file.write(content)
        return facts_of(directory, name)

    return write
