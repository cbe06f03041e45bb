"""`apply` as a user runs it: exactly the plan or nothing, and an exit code for every way that it can end."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.site import COMMAND, Site, Stopped, Terminal, digest, python_of, wait_until

RELEASES = ("26.10.0", "26.7.0", "25.12.0")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.mark.parametrize("release", RELEASES)
def test_the_real_engine(release: str, tmp_path: Path) -> None:
    """Recent releases list one name only, older ones all: the deletions are the same."""
    site = Site(tmp_path, engine={"python": python_of(release)}, discovery=None)
    site.put("org_repo/Llama-3.2-3B-Instruct-Q4_K_M.gguf")
    site.put("README.md")
    site.put("new.bin.part")
    before = site.make_plan()
    plan = json.loads(site.plan.read_text())["plan"]
    assert plan["origin"]["engine"] == release
    doomed = {*site.doomed, "org_repo/Llama-3.2-3B-Instruct-Q4_K_M.gguf"}
    assert {model["name"] for model in plan["models"] if model["verdict"] == "delete"} == doomed
    told = site.run("apply", site.plan).stdout
    assert "free_resources() was called, and nothing holds the files" in told
    assert site.digest() == {name: what for name, what in before.items() if os.fsdecode(name) not in doomed}
    assert site.run("plan", "-f", site.manifest, "--detailed-exitcode").stdout.endswith(
        "Nothing to do: 2 current, 2 ignored\n"
    )
    assert "Nothing to do" in site.apply().stdout
    run = site.history()[0]
    assert run["provenance"]["engine"] == release
    assert run["provenance"]["proof"]["engine_released"] is True


def test_plan_apply_plan(site: Site) -> None:
    before = site.make_plan()
    document = site.json("apply", site.plan)
    assert document["outcome"] == "applied"
    assert [(model["name"], model["fate"]) for model in document["run"]["models"]] == [
        (name, "purged") for name in sorted(site.doomed)
    ]
    assert document["proof"]["proven"] is True
    assert document["run"]["freed"]["files"] == 5
    assert site.digest() == {name: what for name, what in before.items() if name.startswith(b"keep")}
    assert site.json("plan", "-f", site.manifest)["outcome"] == "no-changes"
    assert site.json("apply", "-f", site.manifest, "--yes")["outcome"] == "nothing-to-do"
    error = site.refused(site.plan, code=5)
    assert "old-0.bin: is gone" in error


def test_a_plan_with_nothing_to_do_makes_no_state(site: Site) -> None:
    site.write_manifest(allow=[{"match": "**"}])
    site.make_plan()
    assert "Nothing to do" in site.run("apply", site.plan).stdout
    assert not (site.models / ".ocr-reconcile").exists()


def test_the_question(site: Site) -> None:
    before = site.digest()
    with Terminal(site, "apply", "-f", site.manifest) as terminal:
        terminal.expect("Delete these 5 models? [y/N]:")
        terminal.type("n\n")
        assert terminal.end() == 0
        assert "Not applied." in terminal.seen
    assert site.digest() == before
    with Terminal(site, "apply", "-f", site.manifest) as terminal:
        terminal.expect("[y/N]:")
        assert terminal.interrupt() == 130
    assert site.digest() == before
    with Terminal(site, "apply", "-f", site.manifest) as terminal:
        terminal.expect("[y/N]:")
        terminal.type("y\n")
        assert terminal.end() == 0
        assert "5 models removed" in terminal.seen
    assert site.names() == set(site.keep)


def test_without_a_terminal_it_does_not_ask(site: Site) -> None:
    assert "--yes" in site.refused("-f", site.manifest, code=64)
    assert "name a plan file" in site.refused(code=64)
    assert "is not a guard" in site.refused("-f", site.manifest, "--yes", "--override", "sense", code=64)
    assert "--wait" in site.refused("-f", site.manifest, "--yes", "--wait", "soon", code=64)


def test_an_invalid_manifest(site: Site) -> None:
    site.manifest.write_text("apiVersion: nonsense\n")
    site.refused("-f", site.manifest, "--yes", code=3)
    issues = site.json("apply", "-f", site.manifest, "--yes", code=3)["issues"]
    assert len(issues) > 1
    assert issues[0]["file"] == str(site.manifest)


def test_blocked_by_a_guard(site: Site) -> None:
    site.write_manifest(limits={"maxDeletions": 4})
    error = site.refused("-f", site.manifest, "--yes", code=4)
    assert "max-deletions: 5 deletions, and limits.maxDeletions is 4" in error
    assert site.json("apply", "-f", site.manifest, "--yes", code=4)["blocked_by"] == ["max-deletions"]
    site.run("plan", "-f", site.manifest, "--out", site.plan, code=4)
    site.refused(site.plan, code=4)
    site.run("apply", site.plan, "--override", "max-deletions")
    assert site.names() == set(site.keep)


def test_the_guards_look_again_when_applied(site: Site) -> None:
    """Fewer models are left than the plan saw, so that the same deletions would leave too few."""
    site.write_manifest(limits={"maxDeletePercent": 100, "minKeep": 2})
    site.make_plan()
    (site.models / "keep-1.bin").unlink()
    assert "min-keep: 1 models would be left" in site.refused(site.plan, code=4)


def other_host(site: Site) -> None:
    """Nothing: the plan is altered by its test."""


def changed_manifest(site: Site) -> None:
    site.write_manifest(allow=[{"match": "keep-*"}, "other.bin"])


def changed_file(site: Site) -> None:
    with open(site.models / "old-1.bin", "ab") as file:
        file.write(b"more")


def gone_file(site: Site) -> None:
    (site.models / "old-1.bin").unlink()


def replaced_file(site: Site) -> None:
    """Same name, size and time; another file."""
    path = site.models / "old-1.bin"
    facts, content = path.stat(), path.read_bytes()
    path.rename(site.root / "former")
    path.write_bytes(content)
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def replaced_by_a_link(site: Site) -> None:
    path = site.models / "old-1.bin"
    path.rename(site.root / "former")
    path.symlink_to(site.root / "former")


def another_directory(site: Site) -> None:
    site.models.rename(site.root / "former")
    shutil.copytree(site.root / "former", site.models)


def truncated_plan(site: Site) -> None:
    site.plan.write_bytes(site.plan.read_bytes()[:-20])


def edited_plan(site: Site) -> None:
    site.plan.write_text(site.plan.read_text().replace("old-1.bin", "keep-1.bin"))


def no_plan(site: Site) -> None:
    site.plan.unlink()


def fifo_for_a_plan(site: Site) -> None:
    site.plan.unlink()
    os.mkfifo(site.plan)


STALE = {
    changed_manifest: "manifest digest",
    changed_file: "old-1.bin: ",
    gone_file: "old-1.bin: is gone",
    replaced_file: "old-1.bin: identity",
    replaced_by_a_link: "old-1.bin: is gone",
    another_directory: "identity of the model directory",
    truncated_plan: "it may be cut",
    edited_plan: "edited or damaged",
    no_plan: "cannot be read",
    fifo_for_a_plan: "not a regular file",
}


@pytest.mark.parametrize("change", STALE)
def test_a_stale_plan_touches_nothing(change, site: Site) -> None:
    site.make_plan()
    change(site)
    error = site.refused(site.plan, code=5)
    assert STALE[change] in error
    assert not (site.models / ".ocr-reconcile" / "runs").exists() or site.history() == []


def test_a_model_that_is_protected_by_now(site: Site) -> None:
    """The manifest is bound by its digest, so the plan is forged from the newer one to get as far as the models."""
    site.make_plan()
    stale = site.plan.read_text()
    site.write_manifest(protect=["old-1.bin"])
    assert "manifest digest" in site.refused(site.plan, code=5)
    site.run("plan", "-f", site.manifest, "--out", site.plan)
    _forge(site, json.loads(stale)["plan"]["models"])
    assert "old-1.bin: is now protected" in site.refused(site.plan, code=5)


def _forge(site: Site, models: object = None, **origin: str) -> None:
    """A plan with a right digest and another content: the digest does not say who wrote it."""
    from reconciler.facts import digest_of
    from reconciler.planning.plan import canonical_json

    plan = json.loads(site.plan.read_text())["plan"]
    plan["models"] = models or plan["models"]
    plan["origin"].update(origin)
    text = canonical_json(plan)
    site.plan.write_text(json.dumps({"digest": digest_of(text.encode()), "plan": plan}))


def test_a_plan_of_another_host(site: Site) -> None:
    site.make_plan()
    _forge(site, host="elsewhere")
    error = site.refused(site.plan, code=5)
    assert "host" in error
    assert "elsewhere" in error
    assert "--override host" in error
    differences = site.json("apply", site.plan, code=5)["differences"]
    assert len(differences) == 1
    site.run("apply", site.plan, "--override", "host")
    assert site.names() == set(site.keep)


def test_a_moved_manifest(site: Site) -> None:
    site.make_plan()
    moved = site.manifest.rename(site.root / "moved.yaml")
    assert "name it with -f MANIFEST" in site.refused(site.plan, code=5)
    site.run("apply", site.plan, "-f", moved)
    assert site.names() == set(site.keep)


@pytest.mark.parametrize(
    "name", ["../outside.bin", "/etc/passwd", ".ocr-reconcile/x.bin", "a/../../outside.bin", "a//b"]
)
def test_a_forged_plan_leads_nowhere(name: str, site: Site) -> None:
    site.make_plan()
    models = json.loads(site.plan.read_text())["plan"]["models"]
    models[-1]["name"] = name
    outside = site.root / "outside.bin"
    outside.write_bytes(b"not ours")
    _forge(site, models)
    assert "cannot be the name of a model" in site.refused(site.plan, code=5)
    assert outside.read_bytes() == b"not ours"


def test_a_forged_plan_does_not_delete_what_is_allowed(site: Site) -> None:
    site.make_plan()
    models = json.loads(site.plan.read_text())["plan"]["models"]
    for model in models:
        model["verdict"] = "delete"
    _forge(site, models)
    assert "keep-0.bin: is now keep" in site.refused(site.plan, code=5)


def test_a_file_that_appeared_since_is_untouched_and_noted(site: Site) -> None:
    site.make_plan()
    site.put("newcomer.bin")
    told = site.run("apply", site.plan).stdout
    assert "note: newcomer.bin: not allowed by now, and not in this plan: untouched; plan again" in told
    assert site.names() == {*site.keep, "newcomer.bin"}


def test_files_held(site: Site) -> None:
    with open(site.models / "old-4.bin", "rb"):
        site.refused("-f", site.manifest, "--yes", code=6)


def test_a_run_that_fails_puts_everything_back(site: Site) -> None:
    """A directory that turned into one nobody can move out of: an immutable flag, or a mount, as a last resort."""
    before = site.make_plan()
    if subprocess.run(["chattr", "+i", site.models / "old-4.bin"], check=False, capture_output=True).returncode:
        pytest.skip("the file system knows no immutable files")
    try:
        document = site.json("apply", site.plan, code=7)
        kept = site.json("apply", site.plan, "--keep-going", code=7)
    finally:
        subprocess.run(["chattr", "-i", site.models / "old-4.bin"], check=False)
    assert document["outcome"] == "failed"
    assert before.keys() >= site.digest().keys()
    assert {model["name"]: model["fate"] for model in document["run"]["models"]}["old-4.bin"] == "failed"
    assert kept["outcome"] == "partial"


@pytest.mark.parametrize(
    ("call", "error", "word"),
    [("rename,renameat", "ENOSPC", "No space left"), ("rename,renameat", "EACCES", "Permission denied")],
)
def test_a_fault_of_the_disk(call: str, error: str, word: str, site: Site) -> None:
    """strace lets the third rename fail; the fate of each model is in the JSON."""
    before = site.make_plan()
    done = _injected(site, f"inject={call}:error={error}:when=3", "apply", site.plan, "--format", "json")
    assert done.returncode == 7, done.stderr
    document = json.loads(done.stdout)
    assert document["outcome"] == "failed"
    assert word in document["error"]
    assert "every model was put back" in document["error"]
    fates = [model["fate"] for model in document["run"]["models"]]
    assert sorted(fates) == ["failed", "restored", "restored", "untouched", "untouched"]
    assert site.digest() == before
    site.run("apply", site.plan)
    assert site.names() == set(site.keep)


def test_keep_going(site: Site) -> None:
    site.make_plan()
    inject = "inject=rename,renameat:error=EACCES:when=3"
    done = _injected(site, inject, "apply", site.plan, "--keep-going")
    assert done.returncode == 7, done.stderr
    assert "4 models removed, 1 not" in done.stdout
    assert "FAILED" in done.stdout
    left = site.names() - set(site.keep)
    assert len(left) == 1
    site.apply()
    assert site.names() == set(site.keep)


def _injected(site: Site, inject: str, *words: object) -> subprocess.CompletedProcess[str]:
    call = inject.removeprefix("inject=").split(":")[0]
    strace = ["strace", "-f", "-qq", "-o", str(site.root / "strace.log"), "-e", f"trace={call}", "-e", inject]
    command = [sys.executable, "-B", COMMAND, *map(str, words)]
    return subprocess.run([*strace, *command], check=False, capture_output=True, text=True, cwd=site.root)


@pytest.mark.parametrize(
    ("engine", "word"),
    [({"python": "/nowhere/python"}, "cannot be started"), ({"python": python_of("25.8.0")}, "too old")],
)
def test_an_engine_that_cannot_be_asked(engine: dict[str, str], word: str, site: Site) -> None:
    site.write_manifest(engine=engine, discovery=None)
    assert word in site.refused("-f", site.manifest, "--yes", code=8)


def test_an_engine_that_fails_at_apply_time(site: Site) -> None:
    """The plan was made without an engine's help; the manifest is the same, the engine is gone since."""
    python = site.root / "python"
    python.symlink_to(python_of("26.10.0"))
    wrapper = site.root / "engine"
    wrapper.write_text(f'#!/bin/sh\nexec {python_of("26.10.0")} "$@"\n')
    wrapper.chmod(0o755)
    site.write_manifest(engine={"python": str(wrapper)}, discovery=None)
    before = site.make_plan()
    wrapper.write_text("#!/bin/sh\nexit 134\n")
    site.refused(site.plan, code=8)
    assert site.digest() == before


@pytest.mark.parametrize("kind", ["missing", "a file", "/", "home"])
def test_a_model_directory_that_cannot_be_used(kind: str, site: Site) -> None:
    (site.root / "file").write_text("")
    path = {"missing": site.root / "no", "a file": site.root / "file", "/": "/", "home": Path.home()}[kind]
    site.write_manifest(modelPath=str(path))
    site.refused("-f", site.manifest, "--yes", code=8)


def test_an_active_run(site: Site) -> None:
    """Two applies at once: the other names whose lock it met."""
    site.make_plan()
    with open(site.models / "old-0.bin", "rb"), site.start("apply", site.plan, "--wait", "100s") as first:
        lock = site.models / ".ocr-reconcile" / "lock" / "lock"
        wait_until(lambda: lock.exists() and lock.read_text())
        error = site.refused(site.plan, code=9)
        assert f"another run is active: process {first.pid} of" in error
        first.send_signal(signal.SIGINT)
        assert first.wait(60) == 130


def test_a_directory_that_vanishes(site: Site) -> None:
    """Between the first move and the second; what is moved goes back, wherever the directory is by now."""
    before = site.make_plan()
    with Stopped(site, 1, site.plan, "--format", "json") as apply:
        site.models.rename(site.root / "away")
        said, error = apply.go_on()
    (site.root / "away").rename(site.models)
    assert apply.process.returncode == 7
    assert "the model directory does not exist" in error
    assert "every model was put back" in error
    assert {model["fate"] for model in json.loads(said)["run"]["models"]} == {"restored"}
    assert site.digest() == before


def test_out_of_descriptors(site: Site) -> None:
    """However few a process may have: one clear error and nothing changed, or it is done."""
    site.write_manifest(quarantine={"retain": "1d"})
    before, codes = site.digest(), set()
    for limit in range(6, 20):
        words = [COMMAND, "apply", "-f", str(site.manifest), "--yes"]
        limited = ["sh", "-c", f'ulimit -n {limit}; exec "$@"', "sh", *words]
        done = subprocess.run(limited, check=False, capture_output=True, text=True)
        codes.add(done.returncode)
        if done.returncode == 0:
            break
        assert done.stderr.count("error: ") == 1, done.stderr
        assert "standard output" not in done.stderr
        assert site.digest() == before
    assert codes >= {0, 7}


def test_ctrl_c_while_it_waits(site: Site) -> None:
    before = site.make_plan()
    with open(site.models / "old-0.bin", "rb"), Terminal(site, "apply", site.plan, "--wait", "100s") as terminal:
        terminal.expect("for old-0.bin: ")
        assert f"pid {os.getpid()} (" in terminal.seen
        assert "descriptor" in terminal.seen
        assert terminal.interrupt() == 130
        assert "interrupted; no model of the plan was touched" in terminal.seen
    assert site.digest() == before
    assert site.history() == []


HOSTILE = (
    b"new\nline.bin",
    b"\x1b[31mred.bin",
    b"not-utf8-\xff\xfe.bin",
    b"x" * 251 + b".bin",
    "\u202egpj.bin".encode(),
    b"back\\slash.bin",
)


@pytest.mark.parametrize("release", [None, "26.10.0"])
def test_hostile_names(release: str | None, tmp_path: Path) -> None:
    spec = {"engine": {"python": python_of(release)}, "discovery": None} if release else {}
    site = Site(tmp_path, quarantine={"retain": "1h"}, **spec)
    for name in HOSTILE:
        site.put(name)
    before = site.digest()
    texts = [site.run("plan", "-f", site.manifest, "--out", site.plan).stdout, site.run("show", site.plan).stdout]
    assert site.digest() == before
    with open(os.fsencode(site.models) + b"/" + HOSTILE[0], "rb"):
        texts += [site.refused(site.plan, code=6), site.run("holders", "-f", site.manifest, code=6).stdout]
    texts.append(site.run("apply", site.plan).stdout)
    assert site.names() == set(site.keep)
    run = site.history()[0]["id"]
    texts += [
        site.run("show", run, "--models", site.models).stdout,
        site.run("history", "--models", site.models, "--verify").stdout,
        site.run("rollback", "--models", site.models).stdout,
    ]
    assert site.digest() == before
    for text in texts:
        assert re.fullmatch(r"[^\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]*", text)
        assert "\nline.bin" not in text
    assert sum("new\\nline.bin" in text for text in texts) == 7
    assert sum("not-utf8-\\xff\\xfe.bin" in text for text in texts) >= 4


def test_a_hostile_name_in_an_error(site: Site) -> None:
    site.put(HOSTILE[0])
    site.make_plan()
    (site.models / os.fsdecode(HOSTILE[0])).unlink()
    assert "new\\nline.bin: is gone" in site.refused(site.plan, code=5)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_a_read_only_mount(site: Site) -> None:
    before = site.make_plan()
    mount = f"mount --bind {site.models} {site.models} && mount -o remount,ro,bind {site.models}"
    script = f"{mount} || exit 99; exec {COMMAND} apply -f {site.manifest} --yes"
    done = subprocess.run(["unshare", "-m", "sh", "-c", script], check=False, capture_output=True, text=True)
    if done.returncode in {1, 99}:
        pytest.skip("this machine does not let root mount")
    assert done.returncode == 7, done.stderr
    assert "Read-only file system" in done.stderr
    assert site.digest() == before


def without_privileges(*words: object) -> subprocess.CompletedProcess[str]:
    """As root without any capability: a user as all others, who may still run the interpreter of the tests."""
    setpriv = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
    return subprocess.run([*setpriv, *map(str, words)], check=False, capture_output=True, text=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="acts as another user")
def test_a_directory_that_may_not_be_written(site: Site) -> None:
    for path in (site.models, site.models / "org_repo"):
        path.chmod(0o755)
        os.chown(path, 65534, 65534)
    before = site.digest()
    done = without_privileges(COMMAND, "apply", "-f", site.manifest, "--yes")
    assert done.returncode == 7, done.stderr
    assert "Permission denied" in done.stderr
    assert site.digest() == before
    site.models.chmod(0o700)
    done = without_privileges(COMMAND, "apply", "-f", site.manifest, "--yes")
    assert done.returncode == 8, done.stderr
    assert "cannot be read by this user" in done.stderr
    assert site.digest() == before


@pytest.mark.parametrize("kind", ["relative", "a link"])
def test_ways_to_name_the_model_directory(kind: str, site: Site) -> None:
    if kind == "relative":
        site.write_manifest(modelPath="models")
    else:
        (site.root / "link").symlink_to(site.models)
        site.write_manifest(modelPath="link")
    elsewhere = site.root / "elsewhere"
    elsewhere.mkdir()
    site.run("plan", "-f", site.manifest, "--out", site.plan, cwd=elsewhere)
    site.run("apply", site.plan, cwd=elsewhere)
    assert site.names() == set(site.keep)


@pytest.mark.parametrize("release", RELEASES[:2])
def test_the_engine_answers_where_its_models_are(release: str, tmp_path: Path) -> None:
    """Without modelPath it is what the engine says, relative to the working directory."""
    site = Site(tmp_path, modelPath=None, engine={"python": python_of(release)}, discovery=None)
    own = site.root / "service" / "Aspose.AI.LLM" / "models"
    own.parent.mkdir(parents=True)
    site.models.rename(own)
    service = site.root / "service"
    site.run("plan", "-f", site.manifest, "--out", site.plan, cwd=service)
    assert "Aspose.AI.LLM/models: no such directory" in site.run("apply", site.plan, code=8).stderr
    site.run("apply", site.plan, cwd=service)
    assert {os.fsdecode(name) for name in digest(own)} == set(site.keep)


def test_a_symbolic_link_in_the_directory_is_not_followed(site: Site) -> None:
    outside = site.root / "outside"
    outside.mkdir()
    (outside / "theirs.bin").write_bytes(b"theirs")
    (site.models / "linked").symlink_to(outside)
    (site.models / "old-link.bin").symlink_to(outside / "theirs.bin")
    site.apply()
    assert (outside / "theirs.bin").read_bytes() == b"theirs"
    assert site.names() == {*site.keep, "old-link.bin"}


def test_the_lock_is_of_the_kernel(site: Site) -> None:
    """A lock file that a dead run left does not block."""
    lock = site.models / ".ocr-reconcile" / "lock"
    lock.mkdir(parents=True, mode=0o700)
    (lock / "lock").write_text('{"host": "h", "pid": 1, "started": 1, "user": "u", "command": "c", "since": 1}')
    with open(lock / "lock", "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert "another run is active: process 1 of u on h" in site.apply(code=9).stderr
    site.apply()
    assert site.names() == set(site.keep)
