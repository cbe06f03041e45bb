"""Handlers: commands of the manifest that let go of models, and that follow a change."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.site import Site
from tests.holders import conftest as ways

start = ways.start


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def handler(code: str, **more: Any) -> dict[str, Any]:
    return {"command": [sys.executable, "-c", code], **more}


def kill(pid: int) -> str:
    return f"import os; print('stopping', flush=True); os.kill({pid}, 9); open('ran', 'a').write('x')"


def test_a_handler_that_stops_the_holder(site: Site, start: ways.Start) -> None:
    process = start(site.models / "old-2.bin", ways.WAYS["mapping"])
    site.write_manifest(release={"wait": "60s", "handlers": [handler(kill(process.pid))]})
    before = site.make_plan()
    site.refused(site.plan, "--wait", "0s", code=6)
    assert not (site.root / "ran").exists(), "without --run-handlers none is run"
    assert site.digest() == before
    done = site.run("apply", site.plan, "--run-handlers")
    assert site.names() == set(site.keep)
    assert (site.root / "ran").read_text() == "x", "in the manifest's directory, and once"
    log = done.stderr.splitlines()
    assert [line.rpartition(": ")[2] for line in log] == ["started", "stopping", "done"]


def test_no_handler_is_run_where_nothing_is_held(site: Site) -> None:
    site.write_manifest(release={"handlers": [handler("open('ran', 'w')")]})
    site.apply("--run-handlers")
    assert not (site.root / "ran").exists()


FAILING = {
    "fails": (handler("import sys; sys.stderr.write('no such service\\n'); sys.exit(3)"), "exited with 3"),
    "is killed": (handler("import os; os.kill(os.getpid(), 15)"), "was ended by signal 15"),
    "hangs": (handler("import time; time.sleep(600)", timeout="300ms"), "did not end within 0.3 s"),
    "is not there": ({"command": ["/nowhere/restart"]}, "cannot be started"),
}


@pytest.mark.parametrize("how", FAILING)
def test_a_handler_that_fails_stops_the_apply(how: str, site: Site, start: ways.Start) -> None:
    failing, word = FAILING[how]
    site.write_manifest(release={"handlers": [failing, handler("open('ran', 'w')")]})
    start(site.models / "old-2.bin", ways.WAYS["read"])
    before = site.digest()
    done = site.apply("--run-handlers", code=7)
    assert word in done.stderr
    assert ("no such service" in done.stderr) == (how == "fails")
    assert not (site.root / "ran").exists()
    assert site.digest() == before
    assert site.json("apply", "-f", site.manifest, "--yes", "--run-handlers", code=7)["outcome"] == "failed"


def test_a_handler_that_does_not_help(site: Site, start: ways.Start) -> None:
    site.write_manifest(release={"wait": 0, "handlers": [handler("pass")]})
    start(site.models / "old-2.bin", ways.WAYS["read"])
    before = site.digest()
    site.apply("--run-handlers", code=6)
    assert site.digest() == before


def test_the_environment_is_clean(site: Site, start: ways.Start) -> None:
    process = start(site.models / "old-2.bin", ways.WAYS["read"])
    code = "import os, sys; print(sorted(os.environ), sys.argv, os.getcwd(), os.listdir('/proc/self/fd'));"
    site.write_manifest(release={"wait": "60s", "handlers": [handler(code + kill(process.pid))]})
    words = ["apply", "-f", site.manifest, "--yes", "--run-handlers"]
    done = site.run(*words, env={"API_TOKEN": "hunter2", "LD_PRELOAD_HINT": "x"})
    (line,) = (line for line in done.stderr.splitlines() if "'PATH'" in line)
    said = line.rpartition("started")[2]
    for word in ("TOKEN", "hunter2", "LD_PRELOAD_HINT", "old-2"):
        assert word not in said
    assert str(site.root) in said
    assert "['0', '1', '2', '3']" in said, "no descriptor of ours, the listing's own is the fourth"


def test_handlers_of_a_change(site: Site) -> None:
    site.write_manifest(handlers={"changed": [handler("open('ran', 'a').write('x')")]})
    site.apply()
    assert not (site.root / "ran").exists(), "without --run-handlers none is run"
    site.put("old-again.bin")
    site.apply("--run-handlers")
    assert (site.root / "ran").read_text() == "x"
    site.apply("--run-handlers")
    assert (site.root / "ran").read_text() == "x", "nothing was changed"


def test_a_handler_of_a_change_that_fails(site: Site) -> None:
    site.write_manifest(handlers={"changed": [handler("import sys; sys.exit(1)")]})
    document = site.json("apply", "-f", site.manifest, "--yes", "--run-handlers", code=7)
    assert "are deleted all the same" in document["error"]
    assert {model["fate"] for model in document["run"]["models"]} == {"purged"}
    assert site.names() == set(site.keep)


def test_a_service_that_a_handler_leaves_running(site: Site, start: ways.Start) -> None:
    """It keeps the handler's output open; the apply does not wait for it."""
    process = start(site.models / "old-2.bin", ways.WAYS["read"])
    shell = f"kill -9 {process.pid}; sleep 60 & echo $! > {shlex.quote(str(site.root / 'service'))}"
    site.write_manifest(release={"wait": "60s", "handlers": [{"command": ["sh", "-c", shell]}]})
    site.apply("--run-handlers")
    os.kill(int((site.root / "service").read_text()), 9)
    assert site.names() == set(site.keep)
