"""Grace, past protection and verification through whole plans and applies, on a real directory."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import pytest

from reconciler.applying import Applied, ApplySettings
from reconciler.errors import ApplyError, GuardError, StalePlanError
from reconciler.manifest.loader import parse_manifest
from reconciler.planning.plan import Plan, require_unblocked
from reconciler.workflow import Reconciler


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@dataclass
class World:
    """A model directory and a clock. `file` is where the manifest is said to be."""

    models: Path
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def reconciler(self, **spec: object) -> Reconciler:
        whole = {
            "modelPath": str(self.models),
            "discovery": ["directory"],
            "limits": {"maxDeletePercent": 100, "minKeep": 0},
            **spec,
        }
        document = {"apiVersion": "ocr-reconcile/v1", "kind": "ModelSet", "metadata": {"name": "t"}, "spec": whole}
        manifest = parse_manifest(json.dumps(document).encode(), str(self.models.parent / "m.yaml"))
        return Reconciler(manifest, host="h", clock=lambda: self.now)

    def plan(self, **spec: object) -> Plan:
        return self.reconciler(**spec).plan()

    def apply(self, **spec: object) -> Applied:
        reconciler = self.reconciler(**spec)
        return reconciler.apply(reconciler.plan())

    def verdict(self, name: str, **spec: object) -> str:
        return next(d.verdict.value for d in self.plan(**spec).decisions if d.name == name)

    @property
    def seen(self) -> Path:
        return self.models / ".ocr-reconcile/lock/seen"


@pytest.fixture
def world(tmp_path: Path) -> World:
    models = tmp_path / "models"
    models.mkdir()
    for name in ("a.bin", "b.bin"):
        (models / name).write_bytes(name.encode())
        os.utime(models / name, (1_700_000_000, 1_700_000_000))
    return World(models)


class TestGrace:
    def test_time_begins_with_an_apply_that_has_nothing_to_delete(self, world: World) -> None:
        spec = {"grace": "3d", "allow": ["a.bin"]}
        assert world.plan(**spec).deletions == ()
        assert not world.seen.exists(), "a plan writes nothing"
        assert world.apply(**spec).run is None
        world.now += timedelta(days=2)
        assert world.verdict("b.bin", **spec) == "grace"
        world.now += timedelta(days=1, seconds=1)
        applied = world.apply(**spec)
        assert applied.run
        assert sorted(os.listdir(world.models)) == [".ocr-reconcile", "a.bin"]
        assert json.loads(world.seen.read_text())["unwanted"] == {}

    def test_time_begins_with_a_recorded_audit(self, world: World) -> None:
        spec = {"grace": "3d"}
        reconciler = world.reconciler(**spec)
        reconciler.record(reconciler.plan())
        world.now += timedelta(days=4)
        assert world.verdict("b.bin", **spec) == "delete"

    def test_an_apply_that_deletes_remembers_the_others(self, world: World) -> None:
        spec = {"grace": "3d", "deny": ["b*"]}
        assert world.apply(**spec).run
        assert list(json.loads(world.seen.read_text())["unwanted"]) == ["a.bin"]

    def test_a_model_that_was_wanted_in_between_starts_anew(self, world: World) -> None:
        spec = {"grace": "3d", "allow": ["a.bin"]}
        world.apply(**spec)
        world.now += timedelta(days=2)
        world.apply(grace="3d", allow=["a.bin", "b.bin"])
        world.now += timedelta(days=2)
        assert world.verdict("b.bin", **spec) == "grace"

    def test_a_file_that_was_replaced_starts_anew(self, world: World) -> None:
        spec = {"grace": "3d", "allow": ["a.bin"]}
        world.apply(**spec)
        (world.models / "b.bin").write_bytes(b"another one")
        world.now += timedelta(days=4)
        assert world.verdict("b.bin", **spec) == "grace"

    def test_damaged_memory_deletes_nothing(self, world: World) -> None:
        spec = {"grace": "3d", "deny": ["b*"]}
        world.apply(grace="3d", allow=["b.bin"])
        world.seen.write_bytes(b"{")
        assert world.verdict("a.bin", **spec) == "grace"
        assert "cannot be used" in world.plan(**spec).notices[0].text
        with pytest.raises(ApplyError, match="lock/seen: cannot be used"):
            world.apply(**spec)
        assert (world.models / "b.bin").exists()

    def test_nothing_is_written_where_there_is_nothing_to_remember(self, world: World) -> None:
        world.apply(allow=["a.bin", "b.bin"])
        assert not (world.models / ".ocr-reconcile").exists()


class TestPastProtection:
    def test_it_outlives_its_line_by_one_apply(self, world: World) -> None:
        without = {"allow": ["a.bin"]}
        world.apply(allow=["a.bin"], protect=["b.bin"])
        plan = world.plan(**without)
        assert plan.deletions == ()
        assert "only the last applied manifest protects it" in plan.notices[0].text
        assert world.apply(**without).run is None
        assert (world.models / "b.bin").exists()
        assert world.apply(**without).run
        assert not (world.models / "b.bin").exists()

    def test_a_recorded_audit_is_no_apply(self, world: World) -> None:
        world.apply(allow=["a.bin"], protect=["b.bin"])
        reconciler = world.reconciler(allow=["a.bin"])
        reconciler.record(reconciler.plan())
        assert world.verdict("b.bin", allow=["a.bin"]) == "protected"

    def test_unprotect_is_explicit_and_goes_with_the_plan(self, world: World) -> None:
        world.apply(allow=["a.bin"], protect=["b.bin"])
        reconciler = world.reconciler(allow=["a.bin"])
        plan = reconciler.plan(unprotect=frozenset(["b.bin"]))
        assert [decision.name for decision in plan.deletions] == ["b.bin"]
        assert reconciler.apply(plan).run
        assert not (world.models / "b.bin").exists()

    def test_a_plan_from_before_the_protection_is_stale(self, world: World) -> None:
        reconciler = world.reconciler(allow=["a.bin"])
        plan = reconciler.plan()
        world.apply(allow=["a.bin"], protect=["b.bin"])
        with pytest.raises(StalePlanError, match="is now protected"):
            reconciler.apply(plan)


class TestVerify:
    def spec(self, policy: str) -> dict[str, object]:
        return {"allow": [{"name": "a.bin", "sha256": "0" * 64, "onMismatch": policy}, "b.bin"]}

    def test_only_when_asked(self, world: World) -> None:
        assert world.verdict("a.bin", **self.spec("report")) == "keep"
        plan = world.reconciler(**self.spec("report")).plan(verify=True)
        decision = plan.decisions[0]
        assert (decision.verdict.value, decision.digest) == ("mismatch", hashlib.sha256(b"a.bin").hexdigest())
        assert sorted(os.listdir(world.models)) == ["a.bin", "b.bin"]

    def test_a_mismatch_can_block(self, world: World) -> None:
        with pytest.raises(GuardError, match="--override mismatch"):
            require_unblocked(world.reconciler(**self.spec("fail")).plan(verify=True))

    def test_a_mismatch_can_be_deleted_and_its_digest_is_in_the_journal(self, world: World) -> None:
        reconciler = world.reconciler(**self.spec("delete"))
        applied = reconciler.apply(reconciler.plan(verify=True))
        assert applied.run
        assert not (world.models / "a.bin").exists()
        journal = next((world.models / ".ocr-reconcile/runs").glob("*/journal")).read_text()
        assert hashlib.sha256(b"a.bin").hexdigest() in journal

    def test_the_content_under_another_name_is_pointed_out(self, world: World) -> None:
        digest = hashlib.sha256(b"b.bin").hexdigest()
        for others in ({}, {"protect": ["b*"]}, {"deny": ["b*"]}):
            plan = world.reconciler(allow=[{"name": "c.bin", "sha256": digest}], **others).plan(verify=True)
            assert [notice.text for notice in plan.notices][-1] == "c.bin is missing, and b.bin has its SHA-256"


class TestFreeze:
    SPEC: ClassVar[dict[str, object]] = {
        "deny": ["b*"],
        "allow": ["a.bin"],
        "freeze": {"windows": [{"kind": "deny", "schedule": "* * * * *", "duration": "2m"}]},
    }

    def test_an_apply_is_refused_and_a_plan_warns(self, world: World) -> None:
        with pytest.raises(GuardError, match=r"freeze: the deny window .* is open; wait, or pass --override freeze"):
            world.apply(**self.SPEC)
        assert (world.models / "b.bin").exists()
        assert "an apply is refused now" in world.plan(**self.SPEC).notices[0].text

    def test_it_is_overridden_by_name(self, world: World) -> None:
        reconciler = world.reconciler(**self.SPEC)
        assert reconciler.apply(reconciler.plan(), ApplySettings(overrides=frozenset(["freeze"]))).run
        assert not (world.models / "b.bin").exists()

    def test_what_deletes_nothing_is_not_refused(self, world: World) -> None:
        (world.models / "b.bin").unlink()
        assert world.apply(**self.SPEC).run is None
