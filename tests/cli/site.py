"""A host with a model directory and a manifest, on which the real command runs in processes of its own."""

from __future__ import annotations

import hashlib
import json
import os
import pty
import select
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

from reconciler.facts import STATE_DIRECTORY
from tests.install_engines import DEFAULT

COMMAND = os.path.join(os.path.dirname(sys.executable), "ocr-reconcile")
HANGS = 120
"""Seconds after which a command is taken to hang, on a very busy machine."""


def python_of(release: str) -> str:
    """The interpreter of an environment with that release of the real engine."""
    return os.path.join(os.environ.get("OCR_RECONCILE_TEST_ENGINES", DEFAULT), release, "bin", "python")


def digest(directory: Path) -> dict[bytes, tuple[object, ...]]:
    """Names, types, modes, times and contents of all in a directory but our own state."""
    found: dict[bytes, tuple[object, ...]] = {}
    top = os.fsencode(directory)
    for folder, folders, files in os.walk(top):
        if folder == top and STATE_DIRECTORY.encode() in folders:
            folders.remove(STATE_DIRECTORY.encode())
        for name in files:
            path = os.path.join(folder, name)
            facts = os.lstat(path)
            found[os.path.relpath(path, top)] = (facts.st_mode, facts.st_size, facts.st_mtime_ns, _content(path, facts))
    return found


def _content(path: bytes, facts: os.stat_result) -> str:
    if stat.S_ISLNK(facts.st_mode):
        return os.fsdecode(os.readlink(path))
    if not stat.S_ISREG(facts.st_mode):
        return ""
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


class Site:
    """`models` holds two models that the manifest allows, and five that it does not."""

    keep = ("keep-0.bin", "keep-1.bin")
    doomed = ("old-0.bin", "old-1.bin", "old-2.bin", "org_repo/old-3.gguf", "old-4.bin")

    def __init__(self, root: Path, **spec: Any) -> None:
        self.root = root
        self.models = root / "models"
        self.manifest = root / "models.yaml"
        self.plan = root / "plan.json"
        for number, name in enumerate((*self.keep, *self.doomed)):
            self.put(name, f"{name} ".encode() * (number + 100))
        self.write_manifest(**spec)

    def put(self, name: str | bytes, content: bytes = b"model") -> Path:
        """Write a file, with a mode and a time of its own."""
        path = self.models / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o600 + len(content) % 8)
        os.utime(path, ns=(1, 10**18 + len(content)))
        return path

    def write_manifest(self, **spec: Any) -> None:
        """Write the manifest; JSON is YAML. Without the engine and with a short wait, unless `spec` says otherwise."""
        whole = {
            "modelPath": str(self.models),
            "discovery": ["directory"],
            "allow": [{"match": "keep-*"}],
            "limits": {"maxDeletePercent": 100},
            "release": {"wait": 0},
            **spec,
        }
        document = {
            "apiVersion": "ocr-reconcile/v1",
            "kind": "ModelSet",
            "metadata": {"name": "site"},
            "spec": {key: value for key, value in whole.items() if value is not None},
        }
        self.manifest.write_text(json.dumps(document))

    def digest(self) -> dict[bytes, tuple[object, ...]]:
        return digest(self.models)

    def names(self) -> set[str]:
        return {os.fsdecode(name) for name in self.digest()}

    def run(
        self, *words: object, code: int = 0, cwd: Path | None = None, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run the command without a terminal; its exit code must be `code`."""
        done = subprocess.run(
            [COMMAND, *map(str, words)],
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            cwd=cwd or self.root,
            env={**os.environ, **(env or {})},
            timeout=HANGS,
        )
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        return done

    def json(self, *words: object, code: int = 0) -> Any:
        """The one document that the command prints."""
        return json.loads(self.run(*words, "--format", "json", code=code).stdout)

    def make_plan(self) -> dict[bytes, tuple[object, ...]]:
        """Plan, and give the digest of the models at that time."""
        self.run("plan", "-f", self.manifest, "--out", self.plan)
        return self.digest()

    def apply(self, *words: object, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Apply the manifest without a question."""
        return self.run("apply", "-f", self.manifest, "--yes", *words, code=code)

    def refused(self, *words: object, code: int) -> str:
        """Apply, which must end with `code` and touch nothing; the error, whose outcome JSON tells as well."""
        before = self.digest()
        text = self.run("apply", *words, code=code).stderr
        document = self.json("apply", *words, code=code)
        assert self.digest() == before
        assert document["error"].splitlines()[0] in text
        return str(document["error"])

    @contextmanager
    def start(self, *words: object) -> Iterator[subprocess.Popen[str]]:
        """The command as a running process; killed at the end if it is still there."""
        process = subprocess.Popen(
            [COMMAND, *map(str, words)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.root,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.communicate()

    def history(self) -> Any:
        return self.json("history", "--models", self.models)["runs"]


_ON_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
)


class Stopped:
    """`apply` as a process that stops right behind its move number `when`, until `go_on`; a context manager."""

    _WITH_PID = "import os, sys; open('pid', 'w').write(str(os.getpid())); os.execv(sys.argv[1], sys.argv[1:])"

    def __init__(self, site: Site, when: int, *words: object) -> None:
        inject = f"inject=rename,renameat:signal=STOP:when={when}"
        strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=rename,renameat", "-e", inject]
        command = [sys.executable, "-c", self._WITH_PID, sys.executable, COMMAND, "apply", *map(str, words)]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen([*strace, *command], cwd=site.root, stdout=pipe, stderr=pipe, text=True)
        moved = site.models / sorted(site.doomed)[when - 1]
        wait_until(lambda: not moved.exists() or self.process.poll() is not None)
        self.pid = int((site.root / "pid").read_text())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            os.kill(self.pid, signal.SIGKILL)
            self.process.communicate(timeout=HANGS)

    def go_on(self) -> tuple[str, str]:
        """Let it run to its end; what it said on both outputs."""
        os.kill(self.pid, signal.SIGCONT)
        return self.process.communicate(timeout=HANGS)


class Terminal:
    """The command on a terminal of its own; a context manager."""

    def __init__(self, site: Site, *words: object) -> None:
        self.seen = ""
        self._ours, theirs = pty.openpty()
        self._process = subprocess.Popen(
            [sys.executable, "-c", _ON_TERMINAL, COMMAND, *map(str, words)],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=site.root,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "300"},
            start_new_session=True,
        )
        os.close(theirs)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._ours)

    def expect(self, text: str) -> None:
        """Read until `text` is on the screen."""
        deadline = time.monotonic() + HANGS
        while text not in self.seen:
            assert time.monotonic() < deadline, self.seen
            assert self._read(), self.seen

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def interrupt(self) -> int:
        """Press Ctrl-C until it ends; the exit code.

        Python does not see the one that arrives right before it begins to wait for a line.
        """
        for _ in range(10):
            self.type("\x03")
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(HANGS / 10)
                return self.end()
        raise AssertionError(self.seen)

    def end(self) -> int:
        """Read to the end; the exit code."""
        deadline = time.monotonic() + HANGS
        while self._read():
            assert time.monotonic() < deadline, self.seen
        return self._process.wait(HANGS)

    def _read(self) -> bool:
        """Read what comes within a second; whether more may come."""
        try:
            ready, _, _ = select.select([self._ours], [], [], 1)
            data = os.read(self._ours, 4096) if ready else b""
        except OSError:  # EIO: nobody has the other side any more
            return False
        self.seen += data.decode(errors="replace")
        return bool(data) or not ready


def wait_until(condition: Any) -> None:
    """Wait for what another process does."""
    deadline = time.monotonic() + HANGS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def only(rows: Iterable[Any]) -> Any:
    """The one row of several that must be one."""
    (row,) = rows
    return row
