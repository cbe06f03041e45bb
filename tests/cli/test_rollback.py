"""What was deleted comes back, and what was interrupted is recovered."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.site import COMMAND, Site, Stopped, digest, only


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path, quarantine={"retain": "7d"})


def test_there_and_back(site: Site) -> None:
    """Names, contents, modes and times, to the nanosecond."""
    before = site.digest()
    told = site.apply().stdout
    assert "in quarantine until" in told
    assert "ocr-reconcile rollback puts them back" in told
    assert site.names() == set(site.keep)
    document = site.json("rollback", "-f", site.manifest)
    assert {model["fate"] for model in document["run"]["models"]} == {"restored"}
    assert site.digest() == before
    assert "5 to delete" in site.run("plan", "-f", site.manifest).stdout
    site.apply()
    assert site.names() == set(site.keep)
    assert [(run["kind"], run["state"]) for run in site.history()] == [
        ("apply", "restored"),
        ("rollback", "restored"),
        ("apply", "quarantined"),
    ]
    assert "The chain of 3 runs is whole." in site.run("history", "-f", site.manifest, "--verify").stdout


def test_a_named_run(site: Site) -> None:
    site.apply()
    first = only(site.history())["id"]
    site.put("old-again.bin")
    site.apply()
    told = site.run("rollback", first, "--models", site.models).stdout
    assert "5 models restored" in told
    assert site.names() == {*site.keep, *site.doomed}
    assert "is no run of" in site.run("rollback", "20000101T", "--models", site.models, code=64).stderr
    error = site.run("rollback", first, "--models", site.models, code=7).stderr
    assert "has not anything in quarantine; nothing was touched" in error
    site.run("rollback", code=64)


def test_nothing_newer_is_overwritten(site: Site) -> None:
    site.apply()
    site.put("old-1.bin", b"newer")
    before = site.digest()
    error = site.run("rollback", "-f", site.manifest, code=7).stderr
    assert "old-1.bin: there is something in its place; move that away first" in error
    assert site.json("rollback", "-f", site.manifest, code=7)["outcome"] == "failed"
    assert site.digest() == before
    (site.models / "old-1.bin").unlink()
    site.run("rollback", "-f", site.manifest)
    assert site.names() == {*site.keep, *site.doomed}


def test_what_changed_in_quarantine_is_not_restored(site: Site) -> None:
    site.apply()
    only(site.models.glob(".ocr-reconcile/runs/*/quarantine/1")).write_bytes(b"tampered")
    before = site.digest()
    assert "old-1.bin: its file in quarantine has changed" in site.run("rollback", "-f", site.manifest, code=7).stderr
    assert site.digest() == before


def test_nothing_to_roll_back(site: Site) -> None:
    assert "no run has anything in quarantine" in site.run("rollback", "-f", site.manifest, code=7).stderr
    site.write_manifest()
    site.apply()
    assert "no run has anything in quarantine" in site.run("rollback", "-f", site.manifest, code=7).stderr


def interrupted(site: Site, calls: str, when: int, *words: object) -> None:
    """Run the command under strace, and kill it at an occurrence of a system call."""
    inject = f"inject={calls}:signal=KILL:when={when}"
    strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={calls}", "-e", inject]
    command = [sys.executable, "-B", COMMAND, *map(str, words)]
    done = subprocess.run([*strace, *command], check=False, capture_output=True, cwd=site.root)
    assert done.returncode in {137, -9}, done


def test_an_interrupted_apply_is_warned_of_and_recovered(site: Site) -> None:
    before = site.digest()
    interrupted(site, "rename,renameat", 3, "apply", "-f", site.manifest, "--yes")
    broken = digest(site.models), sorted(map(str, site.models.rglob(".ocr-reconcile/**/*")))
    assert len(broken[0]) == 7 - 2, "two were moved when it was killed"
    run = only(site.history())
    assert run["state"] == "unfinished"
    for command in ("plan", "audit"):
        told = site.run(command, "-f", site.manifest).stdout
        warning = f"warning: run {run['id']} (apply) was interrupted; the next apply, rollback or purge starts with it"
        assert f"{warning}: it will be undone\n" in told
    assert (digest(site.models), sorted(map(str, site.models.rglob(".ocr-reconcile/**/*")))) == broken
    told = site.apply().stdout
    assert f"Recovered: run {run['id']} was interrupted, and was undone." in told
    assert "note: old-0.bin: not allowed by now, and not in this plan: untouched; plan again" in told
    assert site.names() == {*site.keep, "old-0.bin", "old-1.bin"}
    assert "was interrupted" not in site.run("plan", "-f", site.manifest).stdout
    site.run("rollback", "-f", site.manifest)
    assert site.digest() == before


def test_a_recovery_is_told_where_nothing_else_is_to_do(site: Site) -> None:
    before = site.digest()
    interrupted(site, "rename,renameat", 3, "apply", "-f", site.manifest, "--yes")
    site.write_manifest(allow=[{"match": "keep-*"}, {"match": "old-[234]*"}, {"match": "org_repo/*"}])
    document = site.json("apply", "-f", site.manifest, "--yes")
    assert document["outcome"] == "nothing-to-do"
    assert document["recovered"]["how"] == "undone"
    assert document["unplanned"] == ["old-0.bin", "old-1.bin"]
    assert site.digest() == before


def test_a_recovery_is_told_where_the_command_fails(site: Site) -> None:
    """Nothing is there to roll back, and still the rollback has undone what was interrupted."""
    before = site.digest()
    interrupted(site, "renameat,rename", 3, "apply", "-f", site.manifest, "--yes")
    document = site.json("rollback", "-f", site.manifest, code=7)
    assert site.digest() == before
    run = only(site.history())["id"]
    assert f"before that, run {run}, which was interrupted, was undone" in document["error"]


def test_an_interrupted_purge_goes_on(site: Site) -> None:
    site.write_manifest()
    interrupted(site, "unlink,unlinkat", 2, "apply", "-f", site.manifest, "--yes")
    assert "it will be finished" in site.run("audit", "-f", site.manifest).stdout
    document = site.json("purge", "-f", site.manifest)
    assert document["recovered"]["how"] == "finished"
    assert not list(site.models.glob(".ocr-reconcile/runs/*/quarantine"))
    assert only(site.history())["state"] == "purged"


def test_an_interrupted_rollback_goes_on(site: Site) -> None:
    before = site.digest()
    site.apply()
    interrupted(site, "renameat2", 3, "rollback", "-f", site.manifest)
    assert "(rollback) was interrupted" in site.run("plan", "-f", site.manifest).stdout
    document = site.json("apply", "-f", site.manifest, "--yes")
    assert document["recovered"]["how"] == "finished"
    site.run("rollback", "-f", site.manifest)
    assert site.digest() == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_in_the_middle_puts_everything_back(number: signal.Signals, site: Site) -> None:
    before = site.digest()
    with Stopped(site, 2, "-f", site.manifest, "--yes") as apply:
        os.kill(apply.pid, number)
        _, error = apply.go_on()
    assert apply.process.returncode == 130, error
    assert f"interrupted by {number.name}; every model was put back" in error
    assert site.digest() == before


def test_a_plan_while_another_run_is_going_on(site: Site) -> None:
    with Stopped(site, 2, "-f", site.manifest, "--yes") as apply:
        told = site.run("plan", "-f", site.manifest).stdout
        error = site.apply(code=9).stderr
        apply.go_on()
    assert apply.process.returncode == 0
    assert f"is going on (process {apply.pid} of " in told
    assert f"another run is active: process {apply.pid} of " in error
    assert site.names() == set(site.keep)


def test_a_thousand_models(tmp_path: Path) -> None:
    site = Site(tmp_path, quarantine={"retain": "1h"})
    for number in range(1000):
        folder = f"org_{number % 7}/" if number % 3 else ""
        site.put(f"{folder}many-{number}.bin", b"%d " % number * (number % 50 + 1))
    before = site.digest()
    for _ in range(2):
        assert site.json("apply", "-f", site.manifest, "--yes")["outcome"] == "applied"
        assert site.names() == set(site.keep)
        assert site.json("rollback", "-f", site.manifest)["outcome"] == "done"
        assert site.digest() == before
