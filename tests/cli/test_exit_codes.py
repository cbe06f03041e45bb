"""Every exit code of the table in the docs, through the real command, with its outcome in words."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.site import COMMAND, Site, wait_until

TABLE = (Path(__file__).parents[2] / "docs/exit-codes.md").read_text()
OUTCOMES = {
    int(code): set(re.findall(r"`([a-z-]+)`", told))
    for code, told in re.findall(r"^\| (\d+) \|([^|]*)\|", TABLE, re.MULTILINE)
}
Case = Callable[[Site], str]
"""Makes the command end so on a site; gives the outcome that it told in JSON."""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def told(text: str) -> str:
    return str(json.loads(text)["outcome"])


def done(site: Site) -> str:
    return str(site.json("apply", "-f", site.manifest, "--yes")["outcome"])


def unexpected(site: Site) -> str:
    """A result that cannot be printed; its outcome is where there is room for it."""
    with open("/dev/full", "w") as full:
        command = [COMMAND, "plan", "-f", str(site.manifest), "--metrics-file", "plan.prom"]
        assert subprocess.run(command, cwd=site.root, stdout=full, stderr=full, check=False).returncode == 1
    (outcome,) = re.findall(r'exit_code="1",.*outcome="(\w+)"', (site.root / "plan.prom").read_text())
    return str(outcome)


def changes(site: Site) -> str:
    return str(site.json("plan", "-f", site.manifest, "--detailed-exitcode", code=2)["outcome"])


def invalid(site: Site) -> str:
    site.manifest.write_text("kind: Nothing\n")
    return str(site.json("plan", "-f", site.manifest, code=3)["outcome"])


def blocked(site: Site) -> str:
    site.write_manifest(limits={"maxDeletions": 1})
    return str(site.json("apply", "-f", site.manifest, "--yes", code=4)["outcome"])


def stale(site: Site) -> str:
    site.make_plan()
    site.put("old-0.bin", b"another")
    return str(site.json("apply", site.plan, code=5)["outcome"])


def held(site: Site) -> str:
    with open(site.models / "old-0.bin", "rb"):
        return str(site.json("apply", "-f", site.manifest, "--yes", code=6)["outcome"])


def failed(site: Site) -> str:
    (site.models / ".ocr-reconcile").write_text("in the way")
    return str(site.json("apply", "-f", site.manifest, "--yes", code=7)["outcome"])


def engine_failed(site: Site) -> str:
    site.write_manifest(discovery=["engine"], engine={"python": "/none/bin/python"})
    return str(site.json("plan", "-f", site.manifest, code=8)["outcome"])


def active(site: Site) -> str:
    with open(site.models / "old-0.bin", "rb"), waiting(site):
        return str(site.json("apply", "-f", site.manifest, "--yes", code=9)["outcome"])


def usage(site: Site) -> str:
    return str(site.json("apply", code=64)["outcome"])


def interrupted(site: Site) -> str:
    with open(site.models / "old-0.bin", "rb"):
        process = waiting(site)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    return told(out)


def waiting(site: Site) -> subprocess.Popen[str]:
    """An apply that has the lock and waits for a holder; ended at the end of a `with`."""
    words = [COMMAND, "apply", "-f", str(site.manifest), "--yes", "--wait", "100s", "--format", "json"]
    pipe = subprocess.PIPE
    process = Waiting(words, cwd=site.root, stdout=pipe, stderr=pipe, text=True)
    lock = site.models / ".ocr-reconcile" / "lock" / "lock"
    wait_until(lambda: (lock.exists() and lock.read_text() != "") or process.poll() is not None)
    return process


class Waiting(subprocess.Popen[str]):
    """A process that is killed where its `with` ends."""

    def __exit__(self, *_: object) -> None:
        self.kill()
        self.communicate()


CASES: dict[int, Case] = {
    0: done, 1: unexpected, 2: changes, 3: invalid, 4: blocked, 5: stale, 6: held,
    7: failed, 8: engine_failed, 9: active, 64: usage, 130: interrupted,
}  # fmt: skip


def test_the_table_has_these_codes() -> None:
    assert OUTCOMES.keys() == CASES.keys()


@pytest.mark.parametrize("code", CASES)
def test_a_code(code: int, site: Site) -> None:
    before = site.names()
    assert CASES[code](site) in OUTCOMES[code]
    if code:
        assert site.names() | {".ocr-reconcile"} == before | {".ocr-reconcile"}


def test_a_check_that_failed(site: Site) -> None:
    assert site.json("doctor", "--models", site.root / "none", code=1)["outcome"] in OUTCOMES[1]
