"""Every machine format, as the real command prints it, agrees with the schema that is published for it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from reconciler.applying import Applied
from reconciler.doctor import Finding as Condition
from reconciler.doctor import Status
from reconciler.errors import Issue, Place
from reconciler.names import printable
from reconciler.planning.planfile import parse_plan, plan_text
from reconciler.report import machine
from reconciler.report.doctoring import doctor_document
from reconciler.report.gitlab import code_quality_report, terraform_report
from reconciler.report.issues import Finding, findings_document
from reconciler.report.rows import plan_sheet
from reconciler.report.run_rows import applied_sheet
from reconciler.transaction import Fate, ModelFate, RunResult
from tests.planning import build
from tests.report.hostile import FRAGMENTS, names, texts

SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"
NAMES = [fragment.replace("/", "\u2215") + f"{number}.bin" for number, fragment in enumerate(FRAGMENTS)]


def load(name: str) -> Draft202012Validator:
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=FormatChecker())


VALIDATORS = {
    path.name.removesuffix(".schema.json"): load(path.name.removesuffix(".schema.json")) for path in SCHEMAS.iterdir()
}


def check(name: str, document: Any) -> Any:
    VALIDATORS[name].validate(document)
    return document


class World:
    """A model directory full of hostile names, and the real command."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.models = home / "models"
        self.models.mkdir()
        for name in NAMES:
            with open(os.path.join(os.fsencode(self.models), os.fsencode(name)), "wb") as file:
                file.write(b"model")
        self.write(allow=NAMES[: len(NAMES) // 2])

    def write(self, *, allow: list[str], **spec: object) -> None:
        head = "apiVersion: ocr-reconcile/v1\nkind: ModelSet\nmetadata: {name: test}\nspec:\n  modelPath: models\n"
        listed = "".join(f"    - name: {json.dumps(name)}\n" for name in allow if name.isprintable())
        spec.setdefault("limits", {"maxDeletePercent": 100})
        rest = "".join(f"  {key}: {json.dumps(value)}\n" for key, value in spec.items())
        (self.home / "m.yaml").write_text(f"{head}  discovery: [directory]\n  allow:\n{listed}{rest}")

    def run(self, *arguments: str, code: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "reconciler", *arguments],
            cwd=self.home,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stderr
        return done

    def json(self, *arguments: str, code: int = 0, **environment: str) -> Any:
        return json.loads(self.run(*arguments, "--format", "json", code=code, **environment).stdout)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


class TestCommands:
    def test_plan_audit_show_and_the_plan_file(self, world: World) -> None:
        planned = check("plan", world.json("plan", "-f", "m.yaml", "--out", "plan.json"))
        assert planned["outcome"] == "changes"
        assert {model["name"] for model in planned["plan"]["models"]} == set(NAMES)
        check("plan-file", json.loads((world.home / "plan.json").read_text()))
        assert check("plan", world.json("show", "plan.json")) == planned
        check("plan", world.json("audit", "-f", "m.yaml"))
        report = json.loads(world.run("plan", "-f", "m.yaml", "--format", "gitlab").stdout)
        assert check("gitlab-terraform", report)["delete"] == planned["summary"]["counts"]["delete"] > 0

    def test_a_blocked_plan(self, world: World) -> None:
        world.write(allow=NAMES[-3:-1], limits={"maxDeletions": 1})
        assert check("plan", world.json("plan", "-f", "m.yaml", code=4))["outcome"] == "blocked"

    def test_apply_and_what_comes_after(self, world: World) -> None:
        world.write(allow=NAMES[-3:-1], quarantine={"retain": "1h"})
        events = world.home / "events"
        done = check("apply", world.json("apply", "-f", "m.yaml", "--yes", "--events", str(events)))
        assert done["outcome"] == "applied"
        told = [check("event", json.loads(line))["event"] for line in events.read_text().splitlines()]
        assert list(dict.fromkeys(told)) == ["observed", "proof", "moving", "committed", "quarantined", "finished"]
        check("undone", world.json("rollback", "-f", "m.yaml"))
        check("apply", world.json("apply", "-f", "m.yaml", "--yes"))
        check("undone", world.json("purge", "-f", "m.yaml", "--all"))
        check("undone", world.json("purge", "-f", "m.yaml", "--all"))
        check("apply", world.json("apply", "-f", "m.yaml", "--yes"))
        history = check("history", world.json("history", "-f", "m.yaml", "--verify"))
        assert [run["kind"] for run in history["runs"]] == ["apply", "rollback", "apply", "purge"]
        for run in history["runs"]:
            check("run", world.json("show", run["id"], "-f", "m.yaml"))
            assert re.fullmatch("[0-9a-f]{8}", run["provenance"]["log_run"])

    def test_apply_that_purges_at_once(self, world: World) -> None:
        done = world.run("apply", "-f", "m.yaml", "--yes", "--events", "-")
        told = [check("event", json.loads(line))["event"] for line in done.stderr.splitlines()]
        assert told[-2:] == ["purged", "finished"]
        assert told.index("committed") < told.index("purging")

    def test_list_and_holders(self, world: World) -> None:
        check("list", world.json("list", "--models", "models", "--no-engine"))
        check("holders", world.json("holders", "models"))
        with (world.models / NAMES[-1]).open("rb"):
            assert check("holders", world.json("holders", "models", code=6))["outcome"] == "held"
            world.write(allow=NAMES[-3:-1])
            refused = world.json("apply", "-f", "m.yaml", "--yes", "--events", "events", code=6)
        assert check("error", refused)["outcome"] == "held"
        told = [check("event", json.loads(line)) for line in (world.home / "events").read_text().splitlines()]
        assert (told[-1]["event"], told[-1]["outcome"]) == ("failed", "held")

    def test_validate(self, world: World) -> None:
        assert check("validate", world.json("validate", "m.yaml"))["outcome"] == "valid"
        world.write(allow=NAMES[-3:-1], nonsense=FRAGMENTS[0])
        assert check("validate", world.json("validate", "m.yaml", code=3))["outcome"] == "manifest-invalid"
        check("gitlab-codequality", json.loads(world.run("validate", "m.yaml", "--format", "gitlab", code=3).stdout))

    def test_doctor(self, world: World) -> None:
        found = check("doctor", world.json("doctor", "-f", "m.yaml"))["findings"]
        assert {"ok"} <= {finding["status"] for finding in found} <= {"ok", "warn", "unknown"}
        world.write(allow=NAMES[-3:-1], nonsense=FRAGMENTS[0])
        assert check("doctor", world.json("doctor", "-f", "m.yaml", code=1))["outcome"] == "unhealthy"
        for name in NAMES[::8]:
            place = os.fsencode(world.home / "models") + b"/" + os.fsencode(name) + b".d"
            os.mkdir(place)
            found = check("doctor", world.json("doctor", "--models", os.fsdecode(place)))["findings"]
            assert {f["what"] for f in found if f["name"] == "model directory"} == {printable(os.fsdecode(place))}

    def test_config(self, world: World) -> None:
        found = check(
            "config",
            world.json("config", OCR_RECONCILE_OVERRIDE="max-deletions min-keep", OCR_RECONCILE_FILE=FRAGMENTS[3]),
        )["settings"]
        values = {(one["command"], one["option"]): one["value"] for one in found}
        assert values["plan", "override"] == ["max-deletions", "min-keep"]
        assert values["plan", "file"] == FRAGMENTS[3]
        for name in NAMES[::8]:
            folder = world.home / name
            os.mkdir(os.fsencode(folder))
            (folder / "ocr-reconcile.toml").write_text('wait = "5s"\n')
            found = check("config", world.json("--config", f"{name}/ocr-reconcile.toml", "config"))["settings"]
            assert {one["source"] for one in found if one["option"] == "wait"} == {f"{folder}/ocr-reconcile.toml"}

    @pytest.mark.parametrize(
        "arguments", [("plan", "-f", "none.yaml"), ("audit", "-f", "none.yaml"), ("apply", "-f", "none.yaml", "--yes")]
    )
    def test_errors(self, world: World, arguments: tuple[str, ...]) -> None:
        assert check("error", world.json(*arguments, code=3))["outcome"] == "manifest-invalid"

    def test_events_that_cannot_be_written_break_nothing(self, world: World) -> None:
        done = world.run("apply", "-f", "m.yaml", "--yes", "--events", "/dev/full")
        assert done.stderr == "warning: /dev/full: events were lost: No space left on device\n"
        world.run("apply", "-f", "m.yaml", "--yes", "--events", "none/events", code=64)


@given(st.lists(names, max_size=5, unique=True), texts)
def test_documents_of_any_names(found: list[str], text: str) -> None:
    plan = build.plan(build.manifest(allow=["keep.bin"]), build.inventory(*found))
    printed = check("plan", json.loads(json.dumps(machine.plan_document(plan))))
    assert [model["name"] for model in printed["plan"]["models"] if model["verdict"] != "missing"] == sorted(found)
    check("plan-file", json.loads(plan_text(plan)))
    assert parse_plan(plan_text(plan), "plan.json") == plan
    run = RunResult("run", "apply", tuple(ModelFate(file.name, Fate.PURGED, text) for file in plan.doomed))
    applied = Applied(plan, proof=None, run=run, unplanned=tuple(found))
    check("apply", json.loads(json.dumps(machine.applied_document(applied))))
    check("gitlab-terraform", terraform_report(plan_sheet(plan, base="/")))
    check("gitlab-terraform", terraform_report(applied_sheet(applied, base="/")))
    findings = [Finding(Issue(Place(text, 1, 2), text, text)), Finding(Issue(Place(text), text, ""), "warning")]
    check("validate", json.loads(json.dumps(findings_document(findings))))
    check("gitlab-codequality", json.loads(json.dumps(code_quality_report(findings))))
    looked = [Condition(status, text, text, text) for status in Status]
    check("doctor", json.loads(json.dumps(doctor_document(looked))))


def _objects(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        if schema.get("type") == "object" and "properties" in schema and "provenance" not in schema:
            yield schema
        for value in schema.values():
            yield from _objects(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _objects(value)


@pytest.mark.parametrize("name", sorted(VALIDATORS))
def test_a_schema_knows_every_field(name: str) -> None:
    for schema in _objects(VALIDATORS[name].schema):
        assert schema["additionalProperties"] is False
        optional = set(schema["properties"]) - set(schema["required"])
        assert optional <= ({"issues", "blocked_by", "differences", "files", "run"} if name == "error" else set())
