"""Digests of real files, and when they are remembered."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.facts import Digest, FileFacts
from reconciler.integrity import BLOCK, cache_path, digests_of
from reconciler.inventory import open_directory, take_inventory

LONG_AGO = 1_700_000_000


@pytest.fixture
def models(tmp_path: Path) -> Path:
    (tmp_path / "models/org").mkdir(parents=True)
    return tmp_path / "models"


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The clock of later: files just made are no longer changed within the last seconds."""
    import reconciler.integrity as module

    monkeypatch.setattr(module, "RACY", -60.0)
    return iter(())


def write(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    os.utime(path, (LONG_AGO, LONG_AGO))
    return hashlib.sha256(data).hexdigest()


def hashed(models: Path, cache: Path) -> tuple[dict[str, Digest], list[tuple[int, int]]]:
    told: list[tuple[int, int]] = []
    with open_directory(str(models)) as (descriptor, directory):
        files = take_inventory(descriptor, directory).files
        found = digests_of(descriptor, files, progress=lambda done, total: told.append((done, total)), cache=str(cache))
    return found, told


def test_digests_of_files_at_both_depths_with_progress(models: Path, tmp_path: Path) -> None:
    expected = {
        "empty.bin": write(models / "empty.bin", b""),
        "org/long.bin": write(models / "org/long.bin", os.urandom(3 * BLOCK + 7)),
        "\udcff.bin": write(models / "\udcff.bin", b"bytes"),
    }
    found, told = hashed(models, tmp_path / "cache")
    assert found == {name: Digest(digest) for name, digest in expected.items()}
    assert told[-1] == (3 * BLOCK + 12, 3 * BLOCK + 12)
    assert told == sorted(told)


@pytest.mark.usefixtures("settled")
def test_what_is_remembered_is_not_read_again(models: Path, tmp_path: Path) -> None:
    digest = write(models / "a.bin", b"a")
    cache = tmp_path / "deep/er/digests.json"
    hashed(models, cache)
    (entry,) = json.loads(cache.read_text()).items()
    today = int(time.time() // 86400)
    assert entry[1][0] == digest
    assert today - 1 <= entry[1][1] <= today
    cache.write_text(json.dumps({entry[0]: ["f" * 64, today]}))
    assert hashed(models, cache)[0] == {"a.bin": Digest("f" * 64)}
    assert cache.stat().st_mode & 0o077 == 0 or cache.stat().st_mode & 0o022 == 0


@pytest.mark.usefixtures("settled")
def test_what_is_not_asked_for_is_forgotten(models: Path, tmp_path: Path) -> None:
    write(models / "a.bin", b"a")
    write(models / "b.bin", b"b")
    cache = tmp_path / "digests.json"
    hashed(models, cache)
    a, b = sorted(json.loads(cache.read_text()).items(), key=lambda entry: entry[1][0], reverse=True)
    today = a[1][1]
    assert a[1][0] == hashlib.sha256(b"a").hexdigest()
    device_and_inode = ":".join(b[0].split(":")[:2])
    told = {
        a[0]: [a[1][0], today - 89],
        b[0]: b[1],
        f"{device_and_inode}:7:1:1": ["1" * 64, today],  # what b.bin was
        "1:2:3:4:5": ["2" * 64, today - 90],
        "1:3:3:4:5": ["3" * 64, today - 89],
        "1:4:3:4:5": ["4" * 64, today + 9],
        "not a key": ["5" * 64, today],
        "1:5:3:4:5": "6" * 64,
    }
    cache.write_text(json.dumps(told))
    assert hashed(models, cache)[0] == {"a.bin": Digest(a[1][0]), "b.bin": Digest(b[1][0])}
    after = json.loads(cache.read_text())
    assert after == {a[0]: [a[1][0], today], b[0]: b[1], "1:3:3:4:5": ["3" * 64, today - 89]}
    assert cache.stat().st_mode & 0o777 == 0o600
    inode = cache.stat().st_ino
    hashed(models, cache)
    assert cache.stat().st_ino == inode  # nothing new: not written again


@pytest.mark.usefixtures("settled")
def test_the_same_times_with_another_change_time_are_read_again(models: Path, tmp_path: Path) -> None:
    write(models / "a.bin", b"a")
    hashed(models, tmp_path / "cache")
    digest = write(models / "a.bin", b"b")  # same inode, size and mtime; only the kernel sets the ctime
    assert hashed(models, tmp_path / "cache")[0] == {"a.bin": Digest(digest)}


def test_a_file_changed_just_now_is_not_remembered(models: Path, tmp_path: Path) -> None:
    write(models / "a.bin", b"a")
    hashed(models, tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"1": 2}', b"\xff", b"[" * 100_000])
def test_a_damaged_cache_is_as_good_as_empty(models: Path, tmp_path: Path, content: bytes) -> None:
    digest = write(models / "a.bin", b"a")
    (tmp_path / "cache").write_bytes(content)
    assert hashed(models, tmp_path / "cache")[0] == {"a.bin": Digest(digest)}
    assert digest in (tmp_path / "cache").read_text()


@pytest.mark.usefixtures("settled")
def test_a_cache_that_others_may_write_is_not_believed(models: Path, tmp_path: Path) -> None:
    digest = write(models / "a.bin", b"a")
    hashed(models, tmp_path / "cache")
    lie = (tmp_path / "cache").read_text().replace(digest, "f" * 64)
    (tmp_path / "cache").write_text(lie)
    (tmp_path / "cache").chmod(0o666)
    assert hashed(models, tmp_path / "cache")[0] == {"a.bin": Digest(digest)}


def test_what_cannot_be_told_is_a_fault_of_that_file_alone(models: Path, tmp_path: Path) -> None:
    good = write(models / "good.bin", b"x")
    write(models / "gone.bin", b"x")
    write(models / "other.bin", b"x")
    write(models / "link.bin", b"x")
    with open_directory(str(models)) as (descriptor, directory):
        files: tuple[FileFacts, ...] = take_inventory(descriptor, directory).files
        (models / "gone.bin").unlink()
        (models / "link.bin").unlink()
        (models / "link.bin").symlink_to("good.bin")
        write(models / "other.bin", b"xy")
        found = digests_of(descriptor, files, progress=lambda *_: None, cache=str(tmp_path / "cache"))
    assert found["good.bin"] == Digest(good)
    assert found["gone.bin"].fault == "it cannot be opened (No such file or directory)"
    assert found["link.bin"].fault.startswith("it cannot be opened")
    assert found["other.bin"] == Digest("", "it was changed since it was looked at")


def test_ctrl_c_stops_every_thread(models: Path, tmp_path: Path) -> None:
    """The thread that is interrupted ends by itself; the others must be stopped before they have hashed the rest."""
    for number in range(300):
        write(models / f"{number}.bin", b"x")
    told: list[int] = []

    def interrupt(done: int, _: int) -> None:
        told.append(done)
        if len(told) == 1:
            raise KeyboardInterrupt
        time.sleep(0.01)

    with open_directory(str(models)) as (descriptor, directory):
        files = take_inventory(descriptor, directory).files
        with pytest.raises(KeyboardInterrupt):
            digests_of(descriptor, files, progress=interrupt, cache=str(tmp_path / "cache"))
    assert len(told) < 100


def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/cache/me")
    assert cache_path() == "/var/cache/me/ocr-reconcile/digests.json"
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("XDG_CACHE_HOME", "not/absolute")
    assert cache_path() == "/home/me/.cache/ocr-reconcile/digests.json"
