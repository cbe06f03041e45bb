"""Ten set-ups broken for real: the doctor names the cause and the remedy of each, and changes nothing."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.doctor.conftest import Doctor
from tests.faults.world import everything
from tests.install_engines import DEFAULT

ENGINES = os.environ.get("OCR_RECONCILE_TEST_ENGINES", DEFAULT)
Manifest = Callable[..., Path]

_KILLED = """
import os, signal, sys, time
from reconciler.inventory import open_directory, take_inventory
from reconciler.transaction import Orders, Transaction
with open_directory(sys.argv[1]) as (descriptor, directory):
    files = take_inventory(descriptor, directory).files
    with Transaction.open(directory, now=time.time) as transaction:
        if sys.argv[2] == "holding the lock":
            os.kill(os.getpid(), signal.SIGKILL)
        transaction.apply(Orders(files, verify=lambda moved: os.kill(os.getpid(), signal.SIGKILL)))
"""

_HOLDING = """
import mmap, sys, time
with open(sys.argv[1], "rb") as file:
    held = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
print("ready", flush=True)
time.sleep(600)
"""


def can(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


mounts = pytest.mark.skipif(
    not can("unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/tmp"), reason="may not mount (needs root)"
)


def killed(models: Path, when: str) -> None:
    done = subprocess.run([sys.executable, "-c", _KILLED, str(models), when], check=False)
    assert done.returncode == -signal.SIGKILL


def in_mount(script: str) -> list[str]:
    """Run what follows in a mount namespace of its own, after `script`."""
    return ["unshare", "--mount", "sh", "-ec", f'{script}; exec "$@"', "sh"]


def test_a_healthy_directory_and_nothing_is_changed(doctor: Doctor, manifest: Manifest, models: Path):
    before = everything(models)
    code, found = doctor("-f", manifest(f"{ENGINES}/26.7.0/bin/python"))
    assert code == 0
    assert {finding["status"] for finding in found.values()} <= {"ok", "warn", "unknown"}
    assert "26.7.0" in found["engine"]["what"]
    assert "every file at depth 1 and 2" in found["visibility"]["what"]
    assert "2 paths" in found["listing"]["what"]
    assert everything(models) == before


def test_a_recent_engine_that_is_trusted_alone(doctor: Doctor, manifest: Manifest):
    _, found = doctor("-f", manifest(f"{ENGINES}/26.10.0/bin/python", "engine"))
    assert found["visibility"]["status"] == "warn"
    assert "discovery: [engine, directory]" in found["visibility"]["remedy"]


def test_no_engine(doctor: Doctor, manifest: Manifest, tmp_path: Path):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    code, found = doctor("-f", manifest(str(tmp_path / "venv/bin/python")))
    assert code == 1
    assert "aspose-ocr-python-net is not installed" in found["engine"]["what"]
    assert "pip install" in found["engine"]["remedy"]


def test_too_old_an_engine(doctor: Doctor, manifest: Manifest):
    code, found = doctor("-f", manifest(f"{ENGINES}/25.8.0/bin/python"))
    assert code == 1
    assert "too old" in found["engine"]["what"]
    assert "pip install" in found["engine"]["remedy"]


def test_an_interpreter_that_does_not_exist(doctor: Doctor, manifest: Manifest, tmp_path: Path):
    code, found = doctor("-f", manifest(str(tmp_path / "none/bin/python")))
    assert code == 1
    assert "no such file" in found["engine"]["what"]
    assert "engine.python" in found["engine"]["remedy"]


def without_capabilities() -> list[str]:
    """As root, file permissions hold only without the capabilities that pass them by."""
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []


@pytest.mark.skipif(os.geteuid() == 0 and not can(*without_capabilities(), "true"), reason="no setpriv")
@pytest.mark.parametrize(
    ("mode", "name", "cause", "remedy"),
    [
        (0o000, "model directory", "cannot be read by this user", "user that owns the models"),
        (0o500, "permissions", "may not write there", "as its owner"),
    ],
)
def test_no_permission(doctor: Doctor, manifest: Manifest, models: Path, mode: int, name: str, cause: str, remedy: str):
    models.chmod(mode)
    try:
        code, found = doctor("-f", manifest(), under=without_capabilities())
    finally:
        models.chmod(0o755)
    assert code == 1
    assert cause in found[name]["what"]
    assert remedy in found[name]["remedy"]


@mounts
def test_a_read_only_mount(doctor: Doctor, manifest: Manifest, models: Path):
    place = shlex.quote(str(models))
    code, found = doctor(
        "-f", manifest(), under=in_mount(f"mount --bind {place} {place}; mount -o remount,ro,bind {place}")
    )
    assert code == 1
    assert "mounted read-only" in found["permissions"]["what"]
    assert "remount" in found["permissions"]["remedy"]


@mounts
def test_a_full_disk(doctor: Doctor, manifest: Manifest, models: Path):
    place = shlex.quote(str(models))
    fill = f"mount -t tmpfs -o size=64k tmpfs {place}; head -c 64k /dev/zero > {place}/a.gguf"
    code, found = doctor("-f", manifest(), under=in_mount(fill))
    assert code == 1
    assert "the disk is full: 0 B" in found["space"]["what"]
    assert "purge" in found["space"]["remedy"]


@mounts
def test_a_full_temporary_directory(doctor: Doctor, tmp_path: Path):
    place = tmp_path / "full"
    place.mkdir()
    under = in_mount(f"mount -t tmpfs -o size=64k tmpfs {shlex.quote(str(place))}")
    code, found = doctor(under=under, TMPDIR=str(place))
    assert code == 1
    assert "No space left" in found["temporary directory"]["what"]
    assert "TMPDIR" in found["temporary directory"]["remedy"]


@mounts
def test_a_mount_below_the_model_directory(doctor: Doctor, manifest: Manifest, models: Path):
    (models / "a mount").mkdir()
    under = in_mount(f"mount -t tmpfs tmpfs {shlex.quote(str(models))}'/a mount'")
    code, found = doctor("-f", manifest(), under=under)
    assert code == 1
    assert "a mount is a mount of its own" in found["one mount"]["what"]
    assert "unmount" in found["one mount"]["remedy"]


def test_a_missing_directory(doctor: Doctor, manifest: Manifest, models: Path):
    path = manifest()
    models.rename(models.with_name("elsewhere"))
    code, found = doctor("-f", path)
    assert code == 1
    assert "does not exist" in found["model directory"]["what"]
    assert "spec.modelPath" in found["model directory"]["remedy"]


def test_a_stale_lock(doctor: Doctor, manifest: Manifest, models: Path):
    killed(models, "holding the lock")
    before = everything(models)
    code, found = doctor("-f", manifest())
    assert code == 0
    assert found["run lock"]["status"] == "warn"
    assert "which has ended" in found["run lock"]["what"]
    assert "the next run takes it" in found["run lock"]["remedy"]
    assert everything(models) == before


def test_a_leftover_run(doctor: Doctor, manifest: Manifest, models: Path):
    killed(models, "with the models in quarantine")
    assert not (models / "a.gguf").exists()
    before = everything(models)
    code, found = doctor("-f", manifest())
    assert code == 0
    assert found["unfinished run"]["status"] == "warn"
    assert "was left behind by process" in found["unfinished run"]["what"]
    assert "it is undone" in found["unfinished run"]["remedy"]
    assert everything(models) == before


def test_a_held_model(doctor: Doctor, manifest: Manifest, models: Path):
    holder = subprocess.Popen([sys.executable, "-c", _HOLDING, models / "a.gguf"], stdout=subprocess.PIPE)
    with holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"ready\n"
            code, found = doctor("-f", manifest())
        finally:
            holder.kill()
    assert code == 0
    assert found["free_resources()"]["status"] == "warn"
    assert f"a.gguf: pid {holder.pid}" in found["free_resources()"]["what"]
    assert "restart" in found["free_resources()"]["remedy"]


def test_an_invalid_manifest_names_every_fault_and_the_rest_is_looked_at(doctor: Doctor, tmp_path: Path):
    path = tmp_path / "models.yaml"
    path.write_text("apiVersion: ocr-reconcile/v1\nkind: ModelSet\nmetadata: {name: x}\nspec: {allowed: []}\n")
    code, found = doctor("-f", path)
    assert code == 1
    assert f"{path}:4" in found["manifest"]["what"]
    assert found["engine"]["status"] == "ok"


def test_no_directory_named_looks_where_the_engine_looks(doctor: Doctor, tmp_path: Path):
    _, found = doctor()
    assert found["get_local_path()"]["status"] == "warn"
    assert "modelPath" in found["get_local_path()"]["remedy"]
    (tmp_path / "Aspose.AI.LLM/models").mkdir(parents=True)
    _, found = doctor()
    assert found["get_local_path()"]["status"] == "ok"
    assert found["model directory"]["what"] == str(tmp_path / "Aspose.AI.LLM/models")


def test_the_text_says_the_same(models: Path):
    done = subprocess.run(
        [sys.executable, "-m", "reconciler", "doctor", "--models", models / "none"], capture_output=True, check=False
    )
    assert done.returncode == 1
    assert b"FAIL  model directory" in done.stdout
    assert b"-> create it" in done.stdout


def test_hostile_names_stay_text(doctor: Doctor, tmp_path: Path):
    path = os.fsencode(tmp_path) + b"/\xff\x1b[31m"
    os.mkdir(path)
    _, found = doctor("--models", os.fsdecode(path))
    assert "\\xff\\x1b[31m" in json.dumps(found["model directory"]["what"]).replace("\\\\", "\\")
