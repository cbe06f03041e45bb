"""Nothing is deleted while anything holds it: real second processes, and the real command."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler import Reconciler, load_manifest
from reconciler.errors import HeldError
from reconciler.holders import check_free
from tests.cli.site import COMMAND, Site, Stopped, Terminal, only
from tests.holders import conftest as ways
from tests.holders.test_readers import READERS

start = ways.start

HELD = {
    "read": "descriptor 3 (read)",
    "write": "descriptor 3 (read and write)",
    "mapping": "mapping (read)",
    "flock": "flock (exclusive)",
    "posix": "POSIX lock (exclusive)",
}
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="acts as other users")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.mark.parametrize("user", [0, pytest.param(ways.NOBODY, marks=AS_ROOT)])
@pytest.mark.parametrize("way", HELD)
def test_a_holder_is_named_and_nothing_moves(way: str, user: int, site: Site, start: ways.Start) -> None:
    before = site.make_plan()
    process = start(site.models / "old-2.bin", ways.WAYS[way], user=user)
    error = site.refused(site.plan, code=6)
    who = {0: "root", ways.NOBODY: "nobody"}[user]
    assert f"old-2.bin: held by pid {process.pid} ({sys.executable}" in error
    assert f"user {who}: " in error
    assert HELD[way] in error
    file = only(site.json("apply", site.plan, code=6)["files"])
    assert (file["name"], file["hold"]) == ("old-2.bin", "held")
    holder = only(file["holders"])
    assert (holder["pid"], holder["user"], holder["ours"]) == (process.pid, who, False)
    assert HELD[way] in holder["how"]
    assert site.digest() == before
    assert site.history() == [], "not one file was moved: no run began"


def test_the_same_apply_succeeds_when_the_holder_ends(site: Site, start: ways.Start) -> None:
    site.make_plan()
    process = start(site.models / "old-2.bin", ways.WAYS["mapping"])
    with Terminal(site, "apply", site.plan, "--wait", "5m") as terminal:
        terminal.expect(f"s for old-2.bin: pid {process.pid} (")
        process.kill()
        assert terminal.end() == 0, terminal.seen
    assert site.names() == set(site.keep)
    proof = site.history()[0]["provenance"]["proof"]
    assert (proof["proven"], proof["looks"], proof["means"]) == (True, 2, ["lease"])
    assert proof["taken"] > 2
    assert proof["waited"] > 0


def test_the_wait_of_the_manifest(site: Site, start: ways.Start) -> None:
    site.write_manifest(release={"wait": "200ms"})
    start(site.models / "old-2.bin", ways.WAYS["read"])
    assert "after waiting 0 s" in site.apply(code=6).stderr
    site.write_manifest(release={"wait": "1h"})
    assert "after waiting 0 s" in site.apply("--wait", "100ms", code=6).stderr


@pytest.mark.parametrize("reader", ["gguf", "safetensors"])
def test_a_real_reader_of_models(reader: str, site: Site, start: ways.Start) -> None:
    content, code = READERS[reader]
    path = site.put(f"old.{reader}", content())
    process = start(path, code)
    assert f"old.{reader}: held by pid {process.pid}" in site.refused("-f", site.manifest, "--yes", code=6)


def test_a_holder_that_appears_between_proof_and_move(
    site: Site, start: ways.Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Right before the third of five files is moved, a process opens it."""
    before = site.digest()
    looked: list[str] = []
    started = []

    def check(descriptor, file, kinds):
        looked.append(file.name)
        if len(looked) == 3:
            started.append(start(site.models / file.name, ways.WAYS["mapping"]))
        return check_free(descriptor, file, kinds)

    monkeypatch.setattr("reconciler.applying.check_free", check)
    reconciler = Reconciler(load_manifest(str(site.manifest)))
    with pytest.raises(HeldError) as caught:
        reconciler.apply(reconciler.plan())
    assert looked == ["old-0.bin", "old-1.bin", "old-2.bin"]
    head, remedy = str(caught.value).split("\n")
    assert head.startswith(
        f"{site.models}: since the proof of release: old-2.bin: held by pid {started[0].pid} ({sys.executable} -I -c "
    )
    assert head.endswith(", user root: mapping (read)")
    assert remedy == ("every model was put back; stop what holds it, or wait longer (--wait), and apply again")
    assert [answer.file.name for answer in caught.value.answers] == ["old-2.bin"]
    assert site.digest() == before
    run = only(site.history())
    assert run["state"] == "undone"
    assert [model["fate"] for model in run["models"]] == ["restored", "restored", "failed", "untouched", "untouched"]


def test_the_same_race_with_the_real_command(site: Site, start: ways.Start) -> None:
    """The command is stopped behind its second move, and goes on when a process has opened the third file."""
    before = site.make_plan()
    with Stopped(site, 2, site.plan, "--format", "json") as apply:
        process = start(site.models / "old-2.bin", ways.WAYS["read"])
        output, _ = apply.go_on()
    document = json.loads(output)
    assert apply.process.returncode == 6
    assert document["outcome"] == "held"
    assert only(only(document["files"])["holders"])["pid"] == process.pid
    assert "every model was put back" in document["error"]
    assert site.digest() == before


def test_keep_going_past_a_holder(site: Site, start: ways.Start, monkeypatch: pytest.MonkeyPatch) -> None:
    from reconciler.applying import ApplySettings

    def check(descriptor, file, kinds):
        if file.name == "old-2.bin":
            start(site.models / file.name, ways.WAYS["read"])
        return check_free(descriptor, file, kinds)

    monkeypatch.setattr("reconciler.applying.check_free", check)
    reconciler = Reconciler(load_manifest(str(site.manifest)))
    applied = reconciler.apply(reconciler.plan(), ApplySettings(keep_going=True))
    assert applied.run is not None
    assert not applied.run.complete
    failed = only(model for model in applied.run.models if model.cause)
    assert failed.cause.startswith("since the proof of release: old-2.bin: held by pid ")
    assert "\n" not in failed.cause
    assert site.names() == {*site.keep, "old-2.bin"}


def unprivileged(site: Site, *words: object) -> subprocess.CompletedProcess[str]:
    """The command as root without any capability: whom /proc shows no process of another user."""
    setpriv = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
    command = [*setpriv, COMMAND, *map(str, words)]
    return subprocess.run(command, check=False, capture_output=True, text=True, cwd=site.root)


@AS_ROOT
def test_the_lease_sees_what_proc_does_not_show(site: Site, start: ways.Start) -> None:
    before = site.make_plan()
    start(site.models / "old-2.bin", ways.WAYS["mapping"], user=ways.NOBODY)
    done = unprivileged(site, "apply", site.plan)
    assert done.returncode == 6, done.stderr
    assert "old-2.bin: held: held by one of" in done.stderr
    assert "processes that may not be read" in done.stderr
    assert site.digest() == before


@AS_ROOT
def test_unknown_is_refused_unless_it_is_accepted(site: Site, start: ways.Start) -> None:
    """No lease on a file of another user, and a process that may not be read."""
    os.chown(site.models / "old-2.bin", ways.NOBODY, ways.NOBODY)
    (site.models / "old-2.bin").chmod(0o644)
    start(site.manifest, ways.WAYS["nothing"], user=ways.NOBODY)
    before = site.make_plan()
    done = unprivileged(site, "apply", site.plan)
    assert done.returncode == 6, done.stderr
    assert "0 files held, 1 unknown" in done.stderr
    assert "--accept-unknown" in done.stderr
    assert site.digest() == before
    done = unprivileged(site, "apply", site.plan, "--accept-unknown")
    assert done.returncode == 0, done.stderr
    assert "Unknown was accepted." in done.stdout
    assert site.names() == set(site.keep)
    assert only(site.history())["provenance"]["proof"]["accepted"] == ["old-2.bin"]


def test_the_command_holders(site: Site, start: ways.Start) -> None:
    before = site.digest()
    assert site.run("holders", "-f", site.manifest).stdout == "7 files: 7 free\n"
    process = start(site.models / "keep-0.bin", ways.WAYS["mapping"])
    text = site.run("holders", "-f", site.manifest, code=6).stdout
    assert "7 files: 6 free, 1 held" in text
    (line,) = (line for line in text.splitlines() if line.startswith("held"))
    for word in ("keep-0.bin", str(process.pid), "root", "mapping (read)", sys.executable):
        assert word in line
    document = site.json("holders", site.models, code=6)
    assert document["outcome"] == "held"
    held = only(file for file in document["files"] if file["hold"] == "held")
    assert held["name"] == str(site.models / "keep-0.bin")
    assert only(held["holders"])["pid"] == process.pid
    assert site.json("holders", site.models / "keep-1.bin")["outcome"] == "free"
    site.run("holders", site.models / "keep-0.bin", code=6)
    site.run("holders", code=64)
    site.run("holders", site.models, "-f", site.manifest, code=64)
    assert "cannot be looked at" in site.run("holders", site.models / "none.bin", code=8).stderr
    assert site.digest() == before


def test_secrets_of_a_holder_are_told_nowhere(site: Site) -> None:
    secrets = ["--password=hunter2 and blanks", "--token", "s3cr3t", "https://me:pa55@host/", "DB_PASSWORD=geheim"]
    code = "import os, time; f = open(os.environ['MODEL']); print('ready', flush=True); time.sleep(600)"
    command = [sys.executable, "-c", "import os; exec(os.environ['CODE'])", *secrets]
    environment = {**os.environ, "CODE": code, "MODEL": str(site.models / "old-0.bin")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        told = [site.run("holders", "-f", site.manifest, "--format", how, code=6).stdout for how in ("text", "json")]
        for how in ("text", "json", "markdown", "github"):
            done = site.run("apply", "-f", site.manifest, "--yes", "--format", how, "--events", "-", code=6)
            told += [done.stdout, done.stderr]
        site.run("apply", "-f", site.manifest, "--yes", "--keep-going", code=6)
        process.kill()
    told += [path.read_text() for path in site.models.glob(".ocr-reconcile/**/*") if path.is_file()]
    assert "--password=***" in told[0]
    assert not [text for text in told for secret in ("hunter2", "blanks", "s3cr3t", "pa55", "geheim") if secret in text]


def test_a_holder_with_a_hostile_command_line(site: Site) -> None:
    site.make_plan()
    code = "import os, time; f = open(os.environ['MODEL']); print('ready', flush=True); time.sleep(600)"
    command = [sys.executable, "-c", "import os; exec(os.environ['CODE'])", "\x1b[2J\n\udcff"]
    environment = {**os.environ, "CODE": code, "MODEL": str(site.models / "old-0.bin")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        error = site.refused(site.plan, code=6)
        text = site.run("holders", "-f", site.manifest, code=6).stdout
        process.send_signal(signal.SIGKILL)
    assert "\\x1b[2J\\n" in error
    assert "\\x1b[2J\\n" in text
    assert "\x1b" not in error + text
