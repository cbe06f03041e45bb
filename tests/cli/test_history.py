"""Who did what, when, and whether the record is whole."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from tests.cli.site import Site, only


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path, quarantine={"retain": "7d"})


def test_no_runs(site: Site) -> None:
    assert site.run("history", "-f", site.manifest).stdout == "No runs yet.\n"
    assert site.run("history", "-f", site.manifest, "--verify").stdout == (
        "No runs yet.\nThe chain of 0 runs is whole.\n"
    )
    site.run("history", code=64)


def test_what_a_run_leaves_behind(site: Site) -> None:
    git = ["git", "-C", str(site.root), "-c", "user.name=n", "-c", "user.email=e@example.com"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "models.yaml"], check=True)
    subprocess.run([*git, "commit", "-qm", "models"], check=True)
    revision = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    site.make_plan()
    github = {
        "GITHUB_SERVER_URL": "https://git.example",
        "GITHUB_REPOSITORY": "o/r",
        "GITHUB_RUN_ID": "7",
        "GITHUB_SHA": "abc",
    }
    site.run("apply", site.plan, env=github)
    site.run("rollback", "-f", site.manifest)
    first, second = site.history()
    told = first["provenance"]
    assert told["git_revision"] == revision
    assert (told["pipeline"], told["commit"]) == ("https://git.example/o/r/actions/runs/7", "abc")
    assert told["host"] == socket.gethostname()
    assert told["user"]
    assert told["manifest"] == str(site.manifest)
    assert told["manifest_digest"].startswith("sha256:")
    assert f'"digest":"{told["plan_digest"]}"' in site.plan.read_text()
    assert told["proof"]["proven"] is True
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", told["proof"]["at"])
    assert [model["name"] for model in first["models"]] == sorted(site.doomed)
    assert (first["state"], second["kind"], second["target"]) == ("restored", "rollback", first["id"])
    text = site.run("history", "-f", site.manifest).stdout.splitlines()
    assert text[0].split() == ["RUN", "KIND", "STATE", "MODELS", "FREED", "USER", "HOST", "REVISION"]
    assert text[1].split()[:4] == [first["id"], "apply", "restored", "5"]
    shown = site.run("show", first["id"][:-6], "-f", site.manifest).stdout
    for word in (revision, told["plan_digest"], "actions/runs/7", "old-0.bin", "proven True"):
        assert word in shown
    assert site.json("show", first["id"], "--models", site.models)["run"] == first
    assert "is no run of" in site.run("show", "nonsense", "--models", site.models, code=64).stderr


def test_an_edited_record_is_noticed(site: Site) -> None:
    site.apply()
    run = only(site.history())["id"]
    journal = site.models / ".ocr-reconcile" / "runs" / run / "journal"
    whole = journal.read_bytes()
    journal.write_bytes(whole.replace(b"old-0.bin", b"old-9.bin"))
    done = site.run("history", "-f", site.manifest, "--verify", code=7)
    assert "The history is damaged" in done.stdout
    assert f"{run}: record 1 of the journal is damaged" in done.stdout
    document = site.json("history", "-f", site.manifest, "--verify", code=7)
    assert (document["outcome"], document["verified"]) == ("damaged", False)
    assert "is damaged" in site.run("history", "-f", site.manifest, code=7).stderr
    before = site.digest()
    assert "nothing is done before a person looked" in site.run("rollback", "-f", site.manifest, code=7).stderr
    assert site.digest() == before
    assert "whether a run is unfinished cannot be told" in site.run("plan", "-f", site.manifest).stdout
    journal.write_bytes(whole)
    site.run("history", "-f", site.manifest, "--verify")


def test_a_missing_run_is_noticed(site: Site) -> None:
    site.apply()
    site.run("rollback", "-f", site.manifest)
    site.apply()
    runs = [run["id"] for run in site.history()]
    for run in runs:
        folder = site.models / ".ocr-reconcile" / "runs" / run
        folder.rename(site.root / run)
        assert f"{run}: is missing" in site.run("history", "-f", site.manifest, "--verify", code=7).stdout
        (site.root / run).rename(folder)
    site.run("history", "-f", site.manifest, "--verify")


@pytest.mark.skipif(os.geteuid() != 0, reason="acts as another user")
def test_a_state_that_may_not_be_read(site: Site) -> None:
    """Plan and audit of a user who may not read the state still work, and say what they cannot tell."""
    from tests.cli.site import COMMAND

    site.apply()
    for path in (site.models / ".ocr-reconcile" / "runs", site.models / ".ocr-reconcile" / "lock"):
        os.chown(path, 65534, 65534)
    setpriv = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", COMMAND]
    done = subprocess.run([*setpriv, "plan", "-f", str(site.manifest)], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "whether a run is unfinished cannot be told" in done.stdout
    done = subprocess.run([*setpriv, "history", "-f", str(site.manifest)], check=False, capture_output=True, text=True)
    assert done.returncode == 7
    assert "ask as the user that applies" in done.stderr


def test_a_state_directory_that_is_a_link(site: Site) -> None:
    outside = site.root / "outside"
    outside.mkdir()
    (site.models / ".ocr-reconcile").symlink_to(outside)
    before = site.digest()
    assert ".ocr-reconcile: cannot be used" in site.apply(code=7).stderr
    assert site.digest() == before
    assert list(outside.iterdir()) == []
    (site.models / ".ocr-reconcile").unlink()
    shutil.rmtree(outside)
