"""The library: one process that plans and applies, with an engine of its own."""

from __future__ import annotations

import gc
import json
import mmap
import os
import shutil
import subprocess
import sys
import threading
from importlib import metadata
from pathlib import Path

import pytest

from reconciler import Reconciler, load_manifest
from reconciler.applying import Applied, ApplySettings
from reconciler.errors import ApplyError, EngineError, HeldError, InterruptedRunError
from reconciler.transaction import Fate
from tests.cli.site import Site, python_of

REPOSITORY = Path(__file__).parent.parent


class FakeEngine:
    """Lists a directory as the engine does; for what a real one cannot be asked for in a test."""

    def __init__(self, models: Path) -> None:
        self.models = models
        self.freed = 0

    def get_local_path(self) -> str:
        return str(self.models)

    def list_local(self) -> list[str]:
        return [str(path) for pattern in ("*", "*/*") for path in self.models.glob(pattern) if path.is_file()]

    def free_resources(self) -> None:
        self.freed += 1


class Disposed(FakeEngine):
    """What a real engine does that had a model loaded: the second call raises (measured; a fake, as that takes GBs)."""

    def free_resources(self) -> None:
        super().free_resources()
        if self.freed > 1:
            raise RuntimeError("Proxy error(ObjectDisposedException): Cannot access a disposed object.")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def reconciler(site: Site, engine: object | None = None) -> Reconciler:
    return Reconciler(load_manifest(str(site.manifest)), engine=engine)


def plan_and_apply(site: Site, engine: object | None = None) -> Applied:
    one = reconciler(site, engine)
    return one.apply(one.plan())


def test_a_live_engine_of_the_caller(tmp_path: Path) -> None:
    """The real object in a process of its own, which loads nothing: it is freed in place, and lives on."""
    site = Site(tmp_path, discovery=None, modelPath=None)
    own = tmp_path / "Aspose.AI.LLM" / "models"
    own.parent.mkdir()
    site.models.rename(own)
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-m", "tests.live", str(site.manifest)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr
    doomed = sorted(site.doomed)
    assert json.loads(done.stdout) == {
        "planned": doomed,
        "freed while planning": 0,
        "freed": 1,
        "removed": doomed,
        "engine": metadata.version("aspose-ocr-python-net"),
        "again": [],
        "second apply": True,
    }
    assert {path.name for path in own.glob("*.bin")} == set(site.keep)


def test_the_very_object_is_released(site: Site) -> None:
    site.write_manifest(discovery=None)
    engine = FakeEngine(site.models)
    one = reconciler(site, engine)
    plan = one.plan()
    assert engine.freed == 0
    assert all(decision.listed for decision in plan.deletions)
    applied = one.apply(plan)
    assert engine.freed == 1
    assert applied.proof is not None
    assert applied.proof["engine_released"] is True


def test_a_disposed_engine_is_a_released_one(site: Site) -> None:
    site.write_manifest(discovery=None)
    engine = Disposed(site.models)
    engine.free_resources()
    assert plan_and_apply(site, engine).run is not None
    assert engine.freed == 2
    assert site.names() == set(site.keep)


def test_an_engine_that_lacks_a_method(site: Site) -> None:
    class Half:
        def list_local(self) -> list[str]:
            return []

    with pytest.raises(EngineError, match=r"lacks get_local_path\(\), free_resources\(\); pass an AsposeAI object"):
        reconciler(site, Half())


def test_an_engine_that_cannot_release(site: Site) -> None:
    class Broken(FakeEngine):
        def free_resources(self) -> None:
            raise ValueError("no")

    site.write_manifest(discovery=None)
    before = site.digest()
    with pytest.raises(EngineError, match=r"free_resources\(\) failed: ValueError: no"):
        plan_and_apply(site, Broken(site.models))
    assert site.digest() == before


def test_an_engine_that_still_lists_what_is_gone(site: Site) -> None:
    """The verification fails, and everything is put back."""

    class Remembers(FakeEngine):
        def list_local(self) -> list[str]:
            return [str(site.models / name) for name in (*site.keep, *site.doomed)]

    site.write_manifest(discovery=None)
    before = site.digest()
    with pytest.raises(ApplyError, match=r"old-0\.bin: the engine still lists it.*every model was put back"):
        plan_and_apply(site, Remembers(site.models))
    assert site.digest() == before


def test_a_kept_model_that_vanishes_meanwhile(site: Site) -> None:
    class Clumsy(FakeEngine):
        def free_resources(self) -> None:
            (site.models / "keep-1.bin").rename(site.root / "elsewhere")

    site.write_manifest(discovery=None)
    with pytest.raises(ApplyError, match=r"keep-1\.bin: is to be kept, and is gone or changed"):
        plan_and_apply(site, Clumsy(site.models))
    assert site.names() == {"keep-0.bin", *site.doomed}


def test_this_very_process(site: Site) -> None:
    """What a loaded model does: a mapping without a descriptor."""
    before = site.digest()
    with (
        open(site.models / "old-0.bin", "rb") as file,
        mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ),
        pytest.raises(HeldError) as caught,
    ):
        plan_and_apply(site)
    assert "old-0.bin: held by this very process: the engine keeps a loaded model mapped until its process ends" in str(
        caught.value
    )
    assert "apply from a process that has not loaded it" in str(caught.value)
    (answer,) = caught.value.answers
    assert answer.holders[0].ours
    assert site.digest() == before


def test_an_interruption_tells_the_state(site: Site) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    class Stopped(FakeEngine):
        def free_resources(self) -> None:
            interrupt()

    site.write_manifest(discovery=None)
    before = site.digest()
    with pytest.raises(InterruptedRunError, match="no model of the plan was touched"):
        plan_and_apply(site, Stopped(site.models))
    assert site.digest() == before


def test_an_interruption_after_the_change(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while a handler of the change runs must not be told as if nothing had happened."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("reconciler.applying.run_handlers", interrupt)
    site.write_manifest(handlers={"changed": [{"command": ["true"]}]})
    one = reconciler(site)
    with pytest.raises(InterruptedRunError, match=r"interrupted; run \S+ is done"):
        one.apply(one.plan(), ApplySettings(run_handlers=True))
    assert site.names() == set(site.keep)


def descriptors() -> set[str]:
    return set(os.listdir("/proc/self/fd"))


def resident() -> int:
    """Bytes of memory of this process."""
    gc.collect()
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * mmap.PAGESIZE


def test_hundreds_of_rounds_in_one_process(site: Site) -> None:
    """Descriptors and threads are exactly as they were; memory stays within what a leak of 16 KiB a round breaks.

    Every round plans and applies, with an object for an engine, over a history that is cut short: it is read as a
    whole, so it would cost more in each round.
    """
    site.write_manifest(discovery=None, modelPath=None)
    engine = FakeEngine(site.models)

    def once() -> None:
        (site.models / "old-0.bin").write_bytes(b"again")
        applied = plan_and_apply(site, engine)
        assert applied.run is not None
        assert applied.run.models[0].fate is Fate.PURGED

    for _ in range(20):
        once()
    before = descriptors(), threading.active_count(), resident()
    for number in range(300):
        once()
        if not number % 10:
            shutil.rmtree(site.models / ".ocr-reconcile")
    after = resident()
    assert (descriptors(), threading.active_count()) == before[:2]
    assert after - before[2] < 300 * 16 * 1024
    assert engine.freed == 320


def test_rounds_with_real_engines_leave_nothing(site: Site) -> None:
    """The engine of our own: a process a round, and nothing of it is left."""
    site.write_manifest(discovery=None, engine={"python": python_of("26.10.0")})
    plan_and_apply(site)
    before = descriptors(), threading.active_count()
    for _ in range(5):
        site.put("old-0.bin")
        assert plan_and_apply(site).run is not None
    assert (descriptors(), threading.active_count()) == before
    with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as children:
        assert children.read() == ""
