"""The fault sweep through the real command: `python -m tests.faults.command`.

`ocr-reconcile apply` is killed at, and made to fail once at, every occurrence of the system calls that change the
disk. The next command, whichever it is, recovers: every model is accounted for by content, and a second one changes
nothing. A smaller world and fewer kinds of fault than in the sweep of the library, which costs a tenth for a point.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from reconciler.transaction.result import Fate
from tests.faults.world import World, everything

COMMAND = [sys.executable, "-B", "-m", "reconciler"]
CALLS = (
    "rename",
    "renameat",
    "unlinkat",
    "unlink",
    "rmdir",
    "mkdir",
    "mkdirat",
    "write",
    "pwrite64",
    "fsync",
    "fdatasync",
)
FAULTS = ("signal=KILL", "error=EIO")
BOUND = 200
ALLOWED = {"signal=KILL": {137, -9}, "error=EIO": {0, 7}}
CLOSED_OUTPUT = 1
"""The code where what cannot be written is the result on standard output, after the run."""


def make(folder: Path) -> World:
    """Four models to be deleted, two to be kept, and the manifest that says so."""
    world = World.make(folder / "models", doomed=4, kept=2)
    spec = {
        "modelPath": "models",
        "discovery": ["directory"],
        "allow": world.kept,
        "limits": {"maxDeletePercent": 100},
    }
    document = {"apiVersion": "ocr-reconcile/v1", "kind": "ModelSet", "metadata": {"name": "w"}, "spec": spec}
    (folder / "models.yaml").write_text(json.dumps(document))
    return world


def command(folder: Path, *words: str, strace: list[str] | None = None) -> int:
    done = subprocess.run(
        [*(strace or []), *COMMAND, *words], check=False, cwd=folder, capture_output=True, env=environment()
    )
    return done.returncode


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}


def try_point(folder: Path, call: str, fault: str, occurrence: int) -> bool:
    """Hit one point and see what the next commands make of it; whether there was such a point."""
    world = make(folder)
    log = folder / "log"
    inject = f"inject={call}:{fault}:when={occurrence}"
    strace = ["strace", "-f", "-qq", "-o", str(log), "-e", f"trace={call}", "-e", inject]
    code = command(folder, "apply", "-f", "models.yaml", "--yes", strace=strace)
    said = log.read_text(errors="replace")
    hit = "(INJECTED)" in said or "killed by SIGKILL" in said
    allowed = ALLOWED[fault] | ({CLOSED_OUTPUT} if call == "write" else set())
    assert code in allowed if hit else code == 0, f"exit code {code}"
    assert command(folder, "purge", "-f", "models.yaml") == 0, "nothing is due, but it recovers"
    once = everything(world.path)
    fates = set(world.recovers().values())
    assert everything(world.path) == once, "a second recovery changed something"
    assert len(fates) == 1, f"half done: {fates}"
    assert hit or fates == {Fate.PURGED}, f"got through, but the models are {fates}"
    assert command(folder, "apply", "-f", "models.yaml", "--yes") == 0
    assert set(world.account().values()) == {Fate.PURGED}
    return hit


def sweep_call(call: str, fault: str) -> Iterator[tuple[str, str]]:
    """Every occurrence of a call, until the command gets through."""
    for occurrence in itertools.count(1):
        assert occurrence < BOUND, f"{call} has no end"
        with tempfile.TemporaryDirectory() as folder:
            try:
                if not try_point(Path(folder), call, fault, occurrence):
                    return
            except AssertionError as error:
                error.add_note(f"at {call}, {fault}, occurrence {occurrence}")
                raise
        yield call, fault


def main() -> int:
    """Sweep; one worker a processor."""
    todo = itertools.product(CALLS, FAULTS)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        points = [point for part in pool.map(lambda one: list(sweep_call(*one)), todo) for point in part]
    for fault, number in sorted(Counter(fault for _, fault in points).items()):
        print(f"{'command':12} {fault:14} {number:4} points")  # noqa: T201  a program
    print(f"{len(points)} points swept through ocr-reconcile apply: every model accounted for")  # noqa: T201  a program
    return 0


if __name__ == "__main__":
    sys.exit(main())
