from __future__ import annotations

import errno
import os
import signal
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from reconciler.errors import ActiveRunError, ApplyError, EngineError, HeldError, InterruptedRunError
from reconciler.facts import FileFacts
from reconciler.transaction import Fate, RunResult, Transaction, TransactionError, retained
from reconciler.transaction.apply import Orders
from tests.faults.world import Clock, World, all_well, content, contents, everything, evidence
from tests.transaction.breaking import broken


def apply(world: World, **orders: object) -> RunResult:
    with Transaction.open(world.directory, Clock()) as transaction:
        return transaction.apply(world.orders(**orders))  # type: ignore[arg-type]


def fates(result: RunResult) -> set[Fate]:
    return {model.fate for model in result.models}


def refuse_at(count: int, action: Callable[[FileFacts], None]) -> Callable[[FileFacts], None]:
    seen = []

    def check(file: FileFacts) -> None:
        seen.append(file)
        if len(seen) == count:
            action(file)

    return check


def held(file: FileFacts) -> None:
    raise HeldError(f"{file.name}: held by process 7")


def test_models_are_retained(world: World) -> None:
    result = apply(world, retain=60)
    assert fates(result) == {Fate.QUARANTINED}
    assert result.until is not None
    assert set(world.account().values()) == {Fate.QUARANTINED}


def test_models_are_purged_at_once(world: World) -> None:
    os.sync()
    expected = sum(evidence(world.path, name).allocated for name in world.doomed)
    seen: list[tuple[str, int, int]] = []
    result = apply(world, retain=0, progress=lambda *step: seen.append(step))
    assert fates(result) == {Fate.PURGED}
    assert (result.freed.files, result.freed.expected) == (10, expected)
    assert seen[-1] == ("purge", expected, expected)
    assert set(world.account().values()) == {Fate.PURGED}


def test_nothing_of_ours_is_where_an_engine_lists(world: World) -> None:
    apply(world)
    for entry in os.scandir(world.path / ".ocr-reconcile"):
        assert entry.is_dir(follow_symlinks=False)
        assert entry.stat().st_mode & 0o777 == 0o700
    assert (world.path / ".ocr-reconcile").stat().st_mode & 0o777 == 0o755, (
        "an engine that cannot enter it lists nothing"
    )


def test_the_umask_does_not_hide_the_state_directory(world: World) -> None:
    former = os.umask(0o077)
    try:
        apply(world)
    finally:
        os.umask(former)
    assert (world.path / ".ocr-reconcile").stat().st_mode & 0o777 == 0o755


def test_a_held_model_puts_everything_back(world: World) -> None:
    with pytest.raises(HeldError, match="process 7"):
        apply(world, check=refuse_at(7, held))
    assert contents(world.path) == world.before
    assert set(world.recovers().values()) == {Fate.UNTOUCHED}


def test_keep_going_keeps_what_worked(world: World) -> None:
    result = apply(world, check=refuse_at(7, held), keep_going=True)
    assert [model.fate for model in result.models].count(Fate.FAILED) == 1
    assert result.models[6].cause == f"{world.doomed[6]}: held by process 7"
    assert not result.complete
    assert sorted(world.recovers().values()) == [Fate.QUARANTINED] * 9 + [Fate.UNTOUCHED]


def test_a_failed_verification_puts_everything_back(world: World) -> None:
    seen: list[str] = []

    def verify(moved: Sequence[FileFacts]) -> Sequence[str]:
        seen.extend(file.name for file in moved)
        return ["the engine still lists a"]

    with pytest.raises(TransactionError, match="the engine still lists a") as caught:
        apply(world, verify=verify)
    assert seen == world.doomed
    assert fates(caught.value.result) == {Fate.RESTORED}
    assert contents(world.path) == world.before


@pytest.mark.parametrize("change", ["content", "replaced", "symlink", "gone", "directory", "fifo"])
def test_a_changed_model_puts_everything_back(change: str, world: World, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"of somebody else")
    precious = content(outside)

    def alter(file: FileFacts) -> None:
        path = world.path / file.name
        if change == "content":
            path.write_bytes(b"new")
            return
        path.unlink()
        if change == "replaced":
            path.write_bytes(b"x" * file.size)
        elif change == "symlink":
            path.symlink_to(outside)
        elif change == "directory":
            path.mkdir()
        elif change == "fifo":
            os.mkfifo(path)

    with pytest.raises(TransactionError) as caught:
        apply(world, check=refuse_at(4, alter))
    assert [model.fate for model in caught.value.result.models].count(Fate.FAILED) == 1
    changed = world.doomed[3]
    if change == "directory":
        (world.path / changed).rmdir()
    elif change != "gone":
        (world.path / changed).unlink()
    del world.before[changed]
    assert contents(world.path) == world.before
    assert content(outside) == precious


def test_a_model_replaced_between_look_and_move_is_put_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    rename = os.rename

    def racing(source: str, *args: object, **more: object) -> None:
        if source == "model-5.gguf":
            (world.path / source).rename(world.path / "aside")
            (world.path / source).write_bytes(b"newer")
        rename(source, *args, **more)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", racing)
        with pytest.raises(TransactionError, match=r"model-5\.gguf: was replaced while it was moved"):
            apply(world)
    assert (world.path / "model-5.gguf").read_bytes() == b"newer"
    (world.path / "aside").rename(world.path / "model-5.gguf")
    assert contents(world.path) == world.before


def test_what_cannot_be_put_back_stays_in_quarantine_and_is_said(world: World) -> None:
    newer = world.path / world.doomed[0]

    def occupy(_moved: Sequence[FileFacts]) -> Sequence[str]:
        newer.write_bytes(b"newer")
        return ["no"]

    with pytest.raises(TransactionError, match="still in quarantine") as caught:
        apply(world, verify=occupy)
    assert caught.value.result.models[0].fate is Fate.QUARANTINED
    assert newer.read_bytes() == b"newer"
    newer.unlink()
    with Transaction.open(world.directory, Clock()) as transaction:
        assert transaction.recovered is None
        transaction.rollback()
    assert contents(world.path) == world.before


@pytest.mark.parametrize(
    "name", ["../outside", "/etc/passwd", "a/../../b", "", ".", ".ocr-reconcile/runs/x", "a//b", "a\0b"]
)
def test_hostile_names_are_refused(name: str, world: World) -> None:
    before = everything(world.path)
    with pytest.raises(ApplyError, match="nothing was touched"):
        apply_names(world, [FileFacts(name, 1, 2, 3, 4, 1, 512)])
    assert {path: what for path, what in everything(world.path).items() if ".ocr-reconcile" not in path} == before


def apply_names(world: World, doomed: list[FileFacts]) -> RunResult:
    with Transaction.open(world.directory, Clock()) as transaction:
        return transaction.apply(Orders(doomed, verify=all_well))


def test_a_model_named_twice_is_refused(world: World) -> None:
    file = evidence(world.path, world.doomed[0])
    with pytest.raises(ApplyError, match="twice"):
        apply_names(world, [file, file])


def test_names_that_are_not_text(world: World) -> None:
    name = os.fsdecode(b"\xff\n\x1b[31m.gguf")
    (world.path / name).write_bytes(b"x")
    world.doomed.append(name)
    world.before = contents(world.path)
    apply(world)
    assert set(world.account().values()) == {Fate.QUARANTINED}
    with Transaction.open(world.directory, Clock()) as transaction:
        transaction.rollback()
    assert contents(world.path) == world.before


def test_more_directories_than_descriptors_are_kept(world: World) -> None:
    for n in range(150):
        folder = world.path / f"folder-{n}"
        folder.mkdir()
        (folder / "m.gguf").write_bytes(b"x")
        world.doomed.append(f"folder-{n}/m.gguf")
    world.before = contents(world.path)
    descriptors = len(os.listdir("/proc/self/fd"))
    apply(world)
    assert len(os.listdir("/proc/self/fd")) == descriptors
    assert set(world.account().values()) == {Fate.QUARANTINED}


def test_out_of_descriptors(world: World) -> None:
    import resource

    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = max(int(number) for number in os.listdir("/proc/self/fd"))

    def starve(_file: FileFacts) -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (used + 1, limits[1]))

    try:
        with pytest.raises(TransactionError, match="Too many open files"):
            apply(world, check=starve)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert set(world.recovers().values()) == {Fate.UNTOUCHED}


def test_hard_links_keep_their_bytes(world: World) -> None:
    name = world.doomed[1]
    os.link(world.path / name, world.path / "second-name")
    os.sync()
    allocated = evidence(world.path, name).allocated
    result = apply(world, retain=0)
    assert any(f"hard links keep it, {allocated} bytes in 1" in reason for reason in result.freed.reasons)
    assert content(world.path / "second-name") == world.before[name]


def test_a_holder_that_keeps_the_bytes_is_asked_for(world: World) -> None:
    big = world.path / world.doomed[0]
    big.write_bytes(b"x" * 8_000_000)
    os.sync()
    asked: list[str] = []

    def explain(files: Sequence[FileFacts]) -> Sequence[str]:
        asked.extend(file.name for file in files)
        return ["process 7 maps it"]

    with big.open("rb"):
        result = apply(world, retain=0, explain=explain)
    assert sorted(asked) == sorted(world.doomed)
    assert result.freed.reasons == ("process 7 maps it",)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_puts_everything_back(number: signal.Signals, world: World) -> None:
    former = signal.getsignal(number)
    with pytest.raises(InterruptedRunError, match=f"{number.name}; every model was put back"):
        apply(world, check=refuse_at(5, lambda _file: signal.raise_signal(number)))
    assert contents(world.path) == world.before
    assert signal.getsignal(number) is former


def test_a_signal_ends_a_long_verification(world: World) -> None:
    def verify(_moved: Sequence[FileFacts]) -> Sequence[str]:
        signal.raise_signal(signal.SIGTERM)
        pytest.fail("the signal was to end this")

    with pytest.raises(InterruptedRunError):
        apply(world, verify=verify)
    assert contents(world.path) == world.before


def test_a_signal_in_the_purge_leaves_the_rest_to_the_next_start(world: World) -> None:
    def progress(what: str, done: int, _total: int) -> None:
        if what == "purge" and done:
            signal.raise_signal(signal.SIGTERM)

    with pytest.raises(InterruptedRunError, match="is committed"):
        apply(world, retain=0, progress=progress)
    assert len(retained(world.directory)) == 1
    assert set(world.recovers().values()) == {Fate.PURGED}


def test_it_works_off_the_main_thread(world: World) -> None:
    results: list[RunResult] = []
    thread = threading.Thread(target=lambda: results.append(apply(world)))
    thread.start()
    thread.join()
    assert fates(results[0]) == {Fate.QUARANTINED}


def test_an_engine_that_fails_in_the_verification_puts_everything_back_and_says_so(world: World) -> None:
    def fail(_moved: Sequence[FileFacts]) -> Sequence[str]:
        raise EngineError("the engine is gone")

    with pytest.raises(TransactionError, match="the engine is gone; every model was put back"):
        apply(world, verify=fail)
    assert contents(world.path) == world.before


def test_an_error_of_the_caller_puts_everything_back_and_goes_on(world: World) -> None:
    with pytest.raises(ZeroDivisionError):
        apply(world, verify=lambda _moved: [str(1 // 0)])
    assert contents(world.path) == world.before


def test_another_directory_is_refused(world: World, tmp_path: Path) -> None:
    directory = world.directory
    world.path.rename(tmp_path / "away")
    world.path.mkdir()
    with pytest.raises(ApplyError, match="not the directory that was observed"), Transaction.open(directory, Clock()):
        pytest.fail("must not open")


def test_a_directory_that_vanishes(world: World, tmp_path: Path) -> None:
    def vanish(_moved: Sequence[FileFacts]) -> Sequence[str]:
        world.path.rename(tmp_path / "away")
        return []

    with pytest.raises(TransactionError, match="was replaced meanwhile"):
        apply(world, verify=vanish)
    assert contents(tmp_path / "away") == world.before


@pytest.mark.parametrize("place", [".ocr-reconcile", ".ocr-reconcile/runs", ".ocr-reconcile/lock"])
def test_a_symbolic_link_in_place_of_our_state_is_refused(place: str, world: World, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (world.path / place).parent.mkdir(exist_ok=True)
    (world.path / place).symlink_to(outside)
    with pytest.raises(ApplyError, match="cannot be used"):
        apply(world)
    assert list(outside.iterdir()) == []


def test_a_state_directory_that_others_may_write_is_refused(world: World) -> None:
    (world.path / ".ocr-reconcile").mkdir()
    (world.path / ".ocr-reconcile").chmod(0o777)
    with pytest.raises(ApplyError, match="others may write"):
        apply(world)
    assert contents(world.path) == world.before


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_a_mount_point_is_not_entered(world: World) -> None:
    import subprocess

    mount = world.path / "mounted"
    mount.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "none", str(mount)], check=False).returncode:
        pytest.skip("this root may not mount")
    try:
        (mount / "m.gguf").write_bytes(b"x")
        world.doomed.append("mounted/m.gguf")
        with pytest.raises(TransactionError, match="mount point"):
            apply(world)
        assert (mount / "m.gguf").read_bytes() == b"x"
    finally:
        subprocess.run(["umount", str(mount)], check=True)


def test_two_at_once_in_one_process(world: World) -> None:
    with (
        Transaction.open(world.directory, Clock()),
        pytest.raises(ActiveRunError, match=f"process {os.getpid()} of "),
        Transaction.open(world.directory, Clock()),
    ):
        pytest.fail("must not open")


def test_a_file_system_without_renames_that_refuse(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    import ctypes

    from reconciler.transaction import tree

    def refusing(*_args: object) -> int:
        ctypes.set_errno(errno.EINVAL)
        return -1

    monkeypatch.setattr(tree, "_renameat2", lambda: refusing)
    apply(world)
    (world.path / world.doomed[0]).write_bytes(b"newer")
    with Transaction.open(world.directory, Clock()) as transaction:
        with pytest.raises(ApplyError, match="something in its place"):
            transaction.rollback()
        (world.path / world.doomed[0]).unlink()
        transaction.rollback()
    assert contents(world.path) == world.before


def test_a_changed_model_does_not_even_leave_its_place(world: World) -> None:
    def alter(file: FileFacts) -> None:
        (world.path / file.name).write_bytes(b"new")

    with broken(10**6) as counting, pytest.raises(TransactionError, match="changed since it was checked"):
        apply(world, check=refuse_at(4, alter))
    assert counting.calls.count("rename") == 3


def test_a_directory_replaced_meanwhile_is_noticed_before_the_commit(world: World) -> None:
    def replace(_moved: Sequence[FileFacts]) -> Sequence[str]:
        (world.path / "org_repo-0").rename(world.path / "aside")
        (world.path / "org_repo-0").mkdir()
        return []

    with pytest.raises(TransactionError, match="the directory was replaced meanwhile"):
        apply(world, verify=replace)
    assert contents(world.path).keys() == world.before.keys() - {"org_repo-0/model-12.gguf"} | {"aside/model-12.gguf"}


def test_a_commit_that_may_or_may_not_be_durable_is_left_to_the_next_start(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Putting the models back could meet a commit after a power cut, and what is then in quarantine is purged."""

    def failing(*_args: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    def verify(_moved: Sequence[FileFacts]) -> Sequence[str]:
        monkeypatch.setattr(os, "fdatasync", failing)
        monkeypatch.setattr(os, "ftruncate", failing)
        return []

    with pytest.raises(TransactionError, match="whether the run was committed cannot be told") as caught:
        apply(world, verify=verify)
    monkeypatch.undo()
    assert fates(caught.value.result) == {Fate.QUARANTINED}
    assert set(world.account().values()) == {Fate.QUARANTINED}
    assert set(world.recovers().values()) == {Fate.QUARANTINED}
