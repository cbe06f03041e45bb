"""The steps of action.yml, run by bash with GitHub's variables, on a pull request that drops two models."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.integrations.steps import DROPPED, KEPT, ROOT, PullRequest, agrees, load, manifest

ACTION = load("action.yml")


class Comments(ThreadingHTTPServer):
    """As much of GitHub's interface as comments need."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.comments: list[dict[str, Any]] = []
        self.refuse = False

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def add(self, body: str, kind: str = "Bot") -> None:
        self.comments.append({"id": len(self.comments), "body": body, "user": {"type": kind}})


class _Handler(BaseHTTPRequestHandler):
    server: Comments

    def do_GET(self) -> None:
        page = int(self.path.rpartition("=")[2])
        self._answer(self.server.comments[(page - 1) * 100 : page * 100])

    def do_POST(self) -> None:
        assert self.path == "/repos/acme/ocr/issues/7/comments"
        self.server.add(self._body())
        self._answer({})

    def do_PATCH(self) -> None:
        self.server.comments[int(self.path.rpartition("/")[2])]["body"] = self._body()
        self._answer({})

    def _body(self) -> str:
        return str(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["body"])

    def _answer(self, value: object) -> None:
        assert self.headers["Authorization"] == "Bearer secret"
        data = json.dumps(value).encode()
        self.send_response(403 if self.server.refuse else 200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def github() -> Iterator[Comments]:
    with Comments() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class Runner:
    """Runs the steps of the action: each gets a summary of its own, as on GitHub."""

    def __init__(self, request: PullRequest, github: Comments) -> None:
        self.request = request
        self.outputs = request.home / "runner" / "outputs"
        self.summary = request.home / "runner" / "summary"
        self.comment = request.home / "runner" / "ocr-reconcile-comment.md"
        event = request.home / "event.json"
        event.write_text('{"pull_request": {"number": 7}}')
        self._environment = {
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_API_URL": github.address,
            "GITHUB_EVENT_PATH": str(event),
            "GITHUB_OUTPUT": str(self.outputs),
            "GITHUB_REPOSITORY": "acme/ocr",
            "GITHUB_STEP_SUMMARY": str(self.summary),
            "GITHUB_WORKSPACE": str(request.checkout),
            "RUNNER_TEMP": str(request.home / "runner"),
        }

    def step(self, name: str, **inputs: str) -> subprocess.CompletedProcess[str]:
        (step,) = (step for step in ACTION["runs"]["steps"] if step["name"] == name)
        for file in (self.outputs, self.summary):
            file.write_text("")
        return self.request.run(step["run"], {**self._environment, **inputs})

    def plan(self, **inputs: str) -> subprocess.CompletedProcess[str]:
        return self.step("Run", COMMAND="plan", MANIFEST="models.yaml", PLAN_FILE="plan.json", **inputs)

    def say(self) -> subprocess.CompletedProcess[str]:
        return self.step("Comment", TOKEN="secret", PYTHON=sys.executable)


@pytest.fixture
def runner(tmp_path: Path, github: Comments) -> Runner:
    return Runner(PullRequest(tmp_path), github)


def test_a_pull_request_that_drops_two_models(runner: Runner, github: Comments) -> None:
    done = runner.plan()
    assert (done.returncode, done.stderr) == (0, "")
    agrees("github-annotations.txt", runner.request.told(done.stdout))
    agrees("github-outputs.txt", runner.outputs.read_text())
    agrees("github-summary.md", runner.request.told(runner.summary.read_text()))
    assert (runner.say().returncode, len(github.comments)) == (0, 1)
    agrees("github-comment.md", runner.request.told(github.comments[0]["body"]))


def test_the_comment_is_updated_in_place(runner: Runner, github: Comments) -> None:
    for number in range(120):
        github.add(f"comment {number}")
    runner.plan()
    github.add(runner.comment.read_text(), kind="User")
    runner.say()
    assert len(github.comments) == 122
    runner.request.write(manifest(*KEPT, *DROPPED))
    runner.plan()
    runner.say()
    assert len(github.comments) == 122
    assert "**Nothing to do: 4 current**" in github.comments[-1]["body"]
    assert "**Plan: 2 to delete" in github.comments[-2]["body"]


def test_a_blocked_plan_fails_and_is_commented(runner: Runner, github: Comments) -> None:
    runner.request.write(manifest(*KEPT, maxDeletions=1))
    assert runner.plan().returncode == 4
    assert "applyable=false\nblocked=true\n" in runner.outputs.read_text()
    runner.say()
    assert "Blocked by guard" in github.comments[0]["body"]
    assert runner.plan(OVERRIDE="max-deletions\n").returncode == 0


def test_a_plan_that_fails_replaces_the_older_one(runner: Runner, github: Comments) -> None:
    runner.plan()
    runner.say()
    for model in (*KEPT, *DROPPED):
        (runner.request.models / model).unlink()
    runner.request.models.rmdir()
    done = runner.plan()
    assert done.returncode == 8
    assert done.stdout.startswith("::error title=engine-failed::")
    assert "outcome=engine-failed\nchanges=\n" in runner.outputs.read_text()
    assert not (runner.request.checkout / "plan.json").exists()
    runner.say()
    assert [comment["body"].splitlines()[1] for comment in github.comments] == ["**Failed: engine-failed**"]


def test_without_permission_the_plan_still_counts(runner: Runner, github: Comments) -> None:
    runner.plan()
    github.refuse = True
    done = runner.say()
    assert done.returncode == 0
    assert done.stdout.startswith("::warning::The comment could not be written: HTTP 403")


def test_apply_after_the_merge(runner: Runner) -> None:
    runner.plan()
    done = runner.step("Run", COMMAND="apply", MANIFEST="", PLAN_FILE="plan.json", WAIT="1s", RUN_HANDLERS="true")
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(path.name for path in runner.request.models.glob("*.bin")) == sorted(KEPT)
    agrees("github-applied.md", runner.request.told(runner.summary.read_text()))
    assert "outcome=applied\nchanges=2\n" in runner.outputs.read_text()


def test_validate_names_file_and_line(runner: Runner) -> None:
    runner.request.write(manifest(*KEPT, maxDeletion=1))
    done = runner.step("Run", COMMAND="validate", MANIFEST="models.yaml\n")
    assert done.returncode == 3
    assert done.stdout.startswith("::error file=models.yaml,line=12,col=5::")


def test_inputs_are_no_script(runner: Runner) -> None:
    hostile = "$(touch pwned);`touch pwned`;'\"\n--format=text"
    for command in ("plan", "apply", "validate", hostile):
        runner.step("Run", COMMAND=command, MANIFEST=hostile, PLAN_FILE=f"{hostile}.json", OVERRIDE=hostile)
    assert not (runner.request.checkout / "pwned").exists()


def test_no_expression_stands_in_a_script() -> None:
    assert not any("${{" in step["run"] for step in ACTION["runs"]["steps"])
