"""What the commands print, where, and with which code they exit."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from reconciler.plan_files import read_plan_file
from tests.cli.conftest import COMMAND, Run, environment, write_manifest


def test_plan(run: Run, site: Path) -> None:
    done = run("plan", "-f", "models.yaml")
    assert (done.returncode, done.stderr) == (0, "")
    assert "OLD      5 B      5  old_fr.bin  no rule allows it\n" in done.stdout
    assert done.stdout.endswith("Plan: 1 to delete, 5 bytes; 1 current, 1 old\n")
    assert sorted(os.listdir(site / "models")) == ["en.bin", "old_fr.bin"]


def test_detailed_exit_code(run: Run, site: Path) -> None:
    assert run("plan", "-f", "models.yaml", "--detailed-exitcode").returncode == 2
    (site / "models" / "old_fr.bin").unlink()
    assert run("plan", "-f", "models.yaml", "--detailed-exitcode").returncode == 0


def test_plan_out_and_json_agree(run: Run, site: Path) -> None:
    done = run("plan", "-f", "models.yaml", "--out", "plan.json", "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert told["outcome"] == "changes"
    assert read_plan_file(str(site / "plan.json")).digest == told["digest"]


def test_plan_out_says_what_comes_next(run: Run, site: Path) -> None:
    done = run("plan", "-f", "models.yaml", "--out", "my\x1bplan.json")
    assert "carry it out with: ocr-reconcile apply my\\x1bplan.json\n" in done.stdout
    assert (site / "my\x1bplan.json").exists()


def test_audit(run: Run, site: Path) -> None:
    (site / "models" / "README.md").touch()
    done = run("audit", "-f", "models.yaml")
    assert (done.returncode, done.stderr) == (0, "")
    for text in ("CURRENT", "allowed by allow[0]", "[models.yaml:7:11]", "OLD", "IGNORED", "models/README.md"):
        assert text in done.stdout


def test_list_needs_no_manifest(run: Run, site: Path) -> None:
    done = run("list", "--no-engine", "--models", "models", "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert [entry["name"] for entry in told["files"]] == ["en.bin", "old_fr.bin"]
    assert told["directory"]["path"] == os.path.realpath(site / "models")


def test_validate(run: Run, site: Path) -> None:
    (site / "broken.yaml").write_text("kind: ModelSet\nspec: {alow: []}\n")
    good = run("validate", "models.yaml")
    assert (good.returncode, good.stdout, good.stderr) == (0, "models.yaml: valid\n", "")
    mixed = run("validate", "models.yaml", "broken.yaml", "missing.yaml")
    assert (mixed.returncode, mixed.stdout) == (3, "models.yaml: valid\n")
    assert "broken.yaml:2:8: " in mixed.stderr
    assert "missing.yaml: no such file" in mixed.stderr
    told = json.loads(run("validate", "broken.yaml", "--format", "json").stdout)
    assert told["outcome"] == "manifest-invalid"


def test_the_real_engine_and_the_directory_are_cross_checked(run: Run, site: Path) -> None:
    write_manifest(site, "  engine: {timeout: 60s}\n  allow: [en.bin]\n")
    text = (site / "models.yaml").read_text().replace("discovery: [directory]", "discovery: [engine, directory]")
    (site / "models.yaml").write_text(text)
    default = site / "models" / "org_repo" / "Llama-3.2-3B-Instruct-Q4_K_M.gguf"
    default.parent.mkdir()
    default.touch()
    done = run("plan", "-f", "models.yaml", "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    listed = {model["name"]: model["listed"] for model in json.loads(done.stdout)["plan"]["models"]}
    assert listed["org_repo/Llama-3.2-3B-Instruct-Q4_K_M.gguf"] is True
    assert set(listed) == {"en.bin", "old_fr.bin", "org_repo/Llama-3.2-3B-Instruct-Q4_K_M.gguf"}


def test_a_hostile_name_is_shown_escaped_and_kept_in_json(run: Run, site: Path) -> None:
    (site / "models" / "evil\n\x1b[2J\udcff.bin").touch()
    for arguments in (("plan", "-f", "models.yaml"), ("audit", "-f", "models.yaml")):
        shown = run(*arguments).stdout
        assert "evil\\n\\x1b[2J\\xff.bin" in shown
        assert "\x1b" not in shown
    told = json.loads(run("plan", "-f", "models.yaml", "--format", "json").stdout)
    assert "evil\n\x1b[2J\udcff.bin" in {model["name"] for model in told["plan"]["models"]}


FAILURES = {
    "invalid manifest": (("plan", "-f", "broken.yaml"), 3, "manifest-invalid"),
    "no manifest": (("audit", "-f", "missing.yaml"), 3, "manifest-invalid"),
    "blocked": (("plan", "-f", "empty.yaml"), 4, "blocked"),
    "no such directory": (("plan", "-f", "nowhere.yaml"), 8, "engine-failed"),
    "root": (("list", "--no-engine", "--models", "/"), 8, "engine-failed"),
    "no such interpreter": (("plan", "-f", "no_python.yaml"), 8, "engine-failed"),
    "engine without the package": (("list", "--models", "models", "--python", "bare-python"), 8, "engine-failed"),
    "unwritable plan": (("plan", "-f", "models.yaml", "--out", "no/such/plan.json"), 64, "usage"),
}


@pytest.fixture
def faulty(site: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (site / "broken.yaml").write_text("kind: ModelSet\nspec: {alow: []}\n")
    write_manifest(site, "  allow: []\n", "empty.yaml")
    for name, old, new in (
        ("nowhere.yaml", "modelPath: models", "modelPath: nowhere"),
        ("no_python.yaml", "discovery: [directory]", "engine: {python: ./missing}"),
    ):
        (site / name).write_text((site / "models.yaml").read_text().replace(old, new))
    bare = site / "bin" / "bare-python"
    bare.parent.mkdir()
    bare.write_text(f'#!/bin/sh\nexec {os.path.realpath(sys.executable)} -S "$@"\n')
    bare.chmod(0o755)
    monkeypatch.setenv("PATH", f"{bare.parent}:{os.environ['PATH']}")
    return site


@pytest.mark.parametrize("name", list(FAILURES))
def test_failures_exit_with_their_code_and_tell_standard_error(run: Run, faulty: Path, name: str) -> None:
    arguments, code, _ = FAILURES[name]
    before = sorted(os.listdir(faulty / "models"))
    done = run(*arguments)
    assert done.returncode == code
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
    assert "error" not in done.stdout
    assert sorted(os.listdir(faulty / "models")) == before


@pytest.mark.usefixtures("faulty")
@pytest.mark.parametrize("name", list(FAILURES))
def test_failures_print_one_document_with_their_outcome(run: Run, name: str) -> None:
    arguments, code, outcome = FAILURES[name]
    done = run(*arguments, "--format", "json")
    assert done.returncode == code
    assert json.loads(done.stdout)["outcome"] == outcome
    assert done.stderr.startswith("error: ")


def test_a_blocked_plan_is_shown_and_written_but_not_recommended(run: Run, faulty: Path) -> None:
    done = run("plan", "-f", "empty.yaml", "--out", "plan.json")
    assert done.returncode == 4
    assert "blocked by guard min-keep" in done.stdout
    assert "carry it out" not in done.stdout
    assert "--override min-keep" in done.stderr
    assert len(read_plan_file(str(faulty / "plan.json")).blocking) == 1
    assert run("plan", "-f", "empty.yaml", "--override", "min-keep").returncode == 0


def test_faults_of_the_manifest_come_before_those_of_its_engine(run: Run, faulty: Path) -> None:
    text = (faulty / "no_python.yaml").read_text() + "  alow: []\n"
    (faulty / "both.yaml").write_text(text)
    done = run("plan", "-f", "both.yaml")
    assert done.returncode == 3
    assert "alow" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "Usage:"),
        (("nonsense",), "No such command"),
        (("plan",), "Missing option"),
        (("plan", "-f", "models.yaml", "--nonsense"), "No such option"),
        (("plan", "-f", "models.yaml", "--format", "xml"), "'xml' is not one of"),
        (("plan", "-f", "models.yaml", "--override", "everything"), "the guards are: max-deletions,"),
        (("list", "--no-engine"), "--no-engine needs --models DIR"),
        (("validate",), "Missing argument"),
        (("completion", "tcsh"), "'tcsh' is not one of"),
    ],
)
@pytest.mark.usefixtures("site")
def test_usage(run: Run, arguments: tuple[str, ...], told: str) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (64, "")
    assert told in done.stderr


class TestStreams:
    PLAN = ("plan", "-f", "models.yaml", "--detailed-exitcode")

    def shell(self, site: Path, script: str) -> subprocess.CompletedProcess[str]:
        command = f"{sys.executable} -m reconciler {' '.join(self.PLAN)}"
        return subprocess.run(
            ["bash", "-c", script.replace("COMMAND", command)],
            cwd=site, env=environment(), capture_output=True, text=True, check=False,
        )  # fmt: skip

    def test_a_reader_that_leaves(self, site: Path) -> None:
        for number in range(3000):  # more than a pipe holds
            (site / "models" / f"old_{number:04}_{'x' * 60}.bin").touch()
        (site / "models.yaml").write_text((site / "models.yaml").read_text() + "  limits: {maxDeletePercent: 100}\n")
        done = self.shell(site, "COMMAND | head -1; exit ${PIPESTATUS[0]}")
        assert done.stdout == "Manifest  quickstart (models.yaml)\n"
        assert (done.returncode, done.stderr) == (1, "")

    @pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
    def test_closed_streams_change_no_exit_code(self, site: Path, closed: str) -> None:
        done = self.shell(site, f"COMMAND {closed}")
        assert (done.returncode, done.stderr) == (2, "")
        assert ("old_fr.bin" in done.stdout) is (">&-" not in closed.replace("2>&-", ""))

    def test_a_full_disk_is_told(self, site: Path) -> None:
        done = self.shell(site, "COMMAND > /dev/full")
        assert done.returncode == 1
        assert done.stderr.startswith("error: standard output: No space left on device")
        assert done.stderr.count("\n") == 1

    def test_an_encoding_without_the_characters(self, run: Run, site: Path) -> None:
        (site / "models" / "文字.bin").touch()
        done = run(*self.PLAN, env={"PYTHONIOENCODING": "ascii"})
        assert (done.returncode, done.stderr) == (2, "")
        assert "\\u6587\\u5b57.bin" in done.stdout

    def test_a_working_directory_that_is_gone(self, site: Path) -> None:
        done = self.shell(site, f"mkdir gone; cd gone; rmdir ../gone; PYTHONPATH={os.getcwd()} COMMAND")
        assert done.returncode in {1, 3}
        assert done.stderr.startswith("error: ")
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interruption_leaves_nothing_behind(site: Path, number: signal.Signals) -> None:
    """The stand-in of the engine is asked, tells its number and sleeps; it and its directory must be gone."""
    slow = site / "slow-python"
    slow.write_text(f"#!/bin/sh\ncd {site}\nread request\necho $$ > pid.new\nmv pid.new pid\nexec sleep 600\n")
    slow.chmod(0o755)
    temporary = site / "tmp"
    temporary.mkdir()
    text = (site / "models.yaml").read_text().replace("discovery: [directory]", "engine: {python: ./slow-python}")
    (site / "models.yaml").write_text(text)
    process = subprocess.Popen(
        [*COMMAND, "plan", "-f", "models.yaml", "--out", "plan.json"],
        cwd=site, env=environment(TMPDIR=str(temporary)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    while not (site / "pid").exists():
        assert process.poll() is None
        time.sleep(0.01)
    started = int((site / "pid").read_text())
    process.send_signal(number)
    out, err = process.communicate()
    assert process.returncode == 130
    assert (out, err.strip()) == ("", "error: interrupted; nothing was changed")
    assert os.listdir(temporary) == []
    assert not os.path.exists(f"/proc/{started}")
    assert not (site / "plan.json").exists()
