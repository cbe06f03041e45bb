"""Apply: models out of sight, and their space free, beside what people use to remove many files."""

from __future__ import annotations

import gc
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from importlib import import_module

from benchmarks.data import fresh_tree, make_names, manifest_text, write
from benchmarks.suite import Bench, Comparison, Side

TITLE = "Apply"
ABOUT = (
    "On a directory made anew for each run and synced to the disk, of files of 64 KiB, of which one in a hundred (of "
    "ten, one) is kept. `the transaction` is the seconds of moving and purging inside the process, journal and fsync "
    "included; `apply` is the whole command, which starts, observes, plans, proves release for each file, moves, looks "
    "again and purges. `rsync` and `rclone` only move the files into a backup, `rm` and huggingface_hub only remove "
    "them, and those remove all. `one deletion` is the whole command over its 9,900 deletions beside a whole playbook "
    "over its ten. At 100,000, where to make the directory takes up to a minute, just growth and memory are measured."
)

_KEPT_SHARE = 100
_BYTES = 64 << 10
_ITEMS = 10
_GIB = 2**30
_BLOCK = bytes(2**23)
_SAFE = "the journal on disk, and a check of each file and of each directory on the way to it"


def comparisons(bench: Bench) -> Iterator[Comparison]:
    for size in bench.sizes[:-1]:
        yield from _transaction(bench, size)
    for size in bench.sizes[:-1]:
        quarantine, purge = apply_side(bench, size, "7d"), apply_side(bench, size, "0s")
        yield Comparison("apply, quarantine", quarantine, _rsync(bench, size), size)
        yield Comparison("apply, quarantine", quarantine, rclone_backup_side(bench, size), size)
        yield Comparison("apply with purge", purge, _rm(bench, size), size)
        yield Comparison("apply with purge", purge, _huggingface(bench, size), size)
        if size == 10_000:
            yield _one_deletion(bench, purge, size)
    if bench.thorough:
        yield from bench.growth(_TRANSACTION["0s"], partial(_moving, bench, retain="0s"))
        yield from bench.growth("apply with purge", partial(apply_side, bench, retain="0s"))
        yield from _one_large(bench)


_TRANSACTION = {"7d": "the transaction, quarantine", "0s": "the transaction with purge"}


def _transaction(bench: Bench, size: int) -> Iterator[Comparison]:
    for retain, what in _TRANSACTION.items():
        peer, target = (_rm(bench, size), 1.25) if retain == "0s" else (_rsync(bench, size), 0.9)
        aimed = target if size == 10_000 else None
        yield Comparison(what, _moving(bench, size, retain), peer, size, aimed, limit=_SAFE)


def _moving(bench: Bench, size: int, retain: str) -> Side:
    """The transaction alone."""
    models = bench.path("apply-ours")
    side = bench.piece("ours", __name__, "ours", models, _manifest(bench, size, retain), retain)
    return replace(side, prepare=_fresh(models, size))


def _one_deletion(bench: Bench, purge: Side, size: int) -> Comparison:
    limit = "the start of the command, shared by all its deletions"
    scale = (size - len(_kept(size))) / _ITEMS
    return Comparison("one deletion", purge, _ansible(bench), size, 0.001, scale=scale, limit=limit)


def _one_large(bench: Bench) -> Iterator[Comparison]:
    """One model of 1 GiB: out of sight (quarantined) beside a model of one byte, and its space free beside `rm`."""
    large, small = _apply_one(bench, _GIB, "7d"), _apply_one(bench, 1, "7d")
    yield Comparison("1 GiB out of sight", replace(large, name="1 GiB"), replace(small, name="the same with 1 byte"), 1)
    models = bench.path("one-theirs")
    remove = bench.tool("rm", "rm", os.path.join(models, "old.bin"))
    remove = replace(remove, prepare=lambda: _make_one(models, _GIB))
    yield Comparison("1 GiB free", _apply_one(bench, _GIB, "0s"), remove, 1)


def apply_side(bench: Bench, size: int, retain: str) -> Side:
    """Our whole command, which keeps what it removes for `retain`."""
    models = bench.path("apply-ours")
    manifest = _manifest(bench, size, retain)
    return replace(bench.ours("apply", "-f", manifest, "--yes"), prepare=_fresh(models, size))


def _apply_one(bench: Bench, size: int, retain: str) -> Side:
    models = bench.path(f"one-ours-{size}")
    manifest = _write_manifest(bench, f"one-{size}-{retain}", models, ["kept.bin"], retain)
    return replace(bench.ours("apply", "-f", manifest, "--yes"), prepare=lambda: _make_one(models, size))


def _manifest(bench: Bench, size: int, retain: str) -> str:
    return _write_manifest(bench, f"{size}-{retain}", bench.path("apply-ours"), _kept(size), retain)


def _write_manifest(bench: Bench, label: str, models: str, kept: list[str], retain: str) -> str:
    text = manifest_text(models, [f"{{name: {name}}}" for name in kept]) + f"  quarantine: {{retain: {retain}}}\n"
    return write(bench.path(f"apply-{label}.yaml"), text)


def _kept(size: int) -> list[str]:
    return make_names(size).all[::_KEPT_SHARE]


def _fresh(path: str, size: int) -> Callable[[], object]:
    return lambda: fresh_tree(path, make_names(size).all, _BYTES)


def _make_one(path: str, size: int) -> None:
    shutil.rmtree(path, ignore_errors=True)
    os.mkdir(path)
    for name, length in (("kept.bin", 1), ("old.bin", size)):
        with open(os.path.join(path, name), "xb") as file:
            file.writelines(_BLOCK[: length - start] for start in range(0, length, len(_BLOCK)))
    os.sync()


def _rsync(bench: Bench, size: int) -> Side:
    kept, models, backup = _trees(bench, size)
    side = bench.tool(
        "rsync --backup-dir", "rsync", "-a", "--delete", "--backup", f"--backup-dir={backup}", kept + "/", models + "/"
    )
    return replace(side, prepare=_fresh_with_backup(models, backup, size))


def rclone_backup_side(bench: Bench, size: int) -> Side:
    """The command of rclone that moves what is not wanted into another directory."""
    kept, models, backup = _trees(bench, size)
    side = bench.tool(
        "rclone sync --backup-dir", "rclone", "sync", "--backup-dir", backup, kept, models,
        environment={"RCLONE_CONFIG": ""},
    )  # fmt: skip
    return replace(side, prepare=_fresh_with_backup(models, backup, size))


def _trees(bench: Bench, size: int) -> tuple[str, str, str]:
    """What the peers synchronise from, their directory of models, and where they move what goes."""
    kept = fresh_tree(bench.path(f"apply-kept-{size}"), _kept(size), _BYTES)
    return kept, bench.path("apply-theirs"), bench.path("apply-backup")


def _fresh_with_backup(models: str, backup: str, size: int) -> Callable[[], object]:
    def prepare() -> None:
        shutil.rmtree(backup, ignore_errors=True)
        _fresh(models, size)()

    return prepare


def _rm(bench: Bench, size: int) -> Side:
    models = bench.path("apply-theirs")
    return replace(bench.tool("rm -rf", "rm", "-rf", models), prepare=_fresh(models, size))


def _ansible(bench: Bench) -> Side:
    """A loop over few files, because it takes long; its start is in it, as ours is in ours."""
    models = bench.path("apply-theirs")
    names = make_names(1_000).all[:_ITEMS]
    loop = "".join(f"        - {os.path.join(models, name)}\n" for name in names)
    task = f'  tasks:\n    - file: {{path: "{{{{ item }}}}", state: absent}}\n      loop:\n{loop}'
    playbook = write(bench.path("loop.yml"), f"- hosts: localhost\n  gather_facts: false\n{task}")
    side = bench.tool(
        "an item of an Ansible loop", "ansible-playbook", "-i", "localhost,", "-c", "local",
        "-e", f"ansible_python_interpreter={bench.peer_python()}", playbook,
        environment={"ANSIBLE_HOME": bench.path("ansible"), "ANSIBLE_LOCALHOST_WARNING": "false"},
    )  # fmt: skip
    return replace(side, prepare=_fresh(models, 1_000))


def _huggingface(bench: Bench, size: int) -> Side:
    name = "huggingface_hub, delete strategy"
    if not bench.tools.get("hf"):
        return Side(name, missing="huggingface_hub is not installed and could not be installed")
    cache = bench.path("hf-cache")
    side = bench.piece(name, __name__, "huggingface", cache, python=bench.peer_python())
    return replace(side, inner=False, prepare=lambda: _make_cache(cache, size))


_REVISION = "0" * 40


def _make_cache(path: str, size: int) -> None:
    """A cache of one repository with one revision: every name a link to a blob."""
    shutil.rmtree(path, ignore_errors=True)
    repository = os.path.join(path, "models--org--models")
    blobs, snapshot = os.path.join(repository, "blobs"), os.path.join(repository, "snapshots", _REVISION)
    for directory in (snapshot, os.path.join(repository, "refs")):
        os.makedirs(directory)
    write(os.path.join(repository, "refs", "main"), _REVISION)
    fresh_tree(blobs, [f"{number:064x}" for number in range(size)], _BYTES)
    for number in range(size):
        os.symlink(f"../../blobs/{number:064x}", os.path.join(snapshot, f"{number}.bin"))


def piece(which: str, path: str, *more: str) -> None:
    if which == "huggingface":
        import_module("huggingface_hub").scan_cache_dir(path).delete_revisions(_REVISION).execute()
    else:
        _transact(path, *more)


def _transact(models: str, manifest: str, retain: str) -> None:
    """Move what a plan names, and say how long that took. Nothing is checked for holders here."""
    from reconciler.inventory import open_directory
    from reconciler.manifest.loader import load_manifest
    from reconciler.transaction import Orders, Transaction
    from reconciler.workflow import Reconciler

    plan = Reconciler(load_manifest(manifest)).plan()
    orders = Orders(plan.doomed, verify=lambda _: (), retain=0.0 if retain == "0s" else 7 * 86400.0)
    gc.disable()
    with open_directory(models) as (_, directory), Transaction.open(directory, now=time.time) as transaction:
        start = time.perf_counter()
        transaction.apply(orders)
        print(time.perf_counter() - start)


if __name__ == "__main__":
    piece(*sys.argv[1:])
