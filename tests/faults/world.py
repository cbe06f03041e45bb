"""A model directory to break, and the question that every test of it asks: is every model accounted for?"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from reconciler import history
from reconciler.facts import STATE_DIRECTORY, DirectoryFacts, FileFacts
from reconciler.transaction import Transaction, retained
from reconciler.transaction.apply import Orders
from reconciler.transaction.result import Fate

Content = tuple[int, int, int, str]
"""Size, mtime in nanoseconds, mode, and digest of the bytes."""


def observe(path: Path) -> DirectoryFacts:
    facts = path.stat()
    return DirectoryFacts(str(path), facts.st_dev, facts.st_ino)


def evidence(path: Path, name: str) -> FileFacts:
    facts = os.lstat(path / name)
    return FileFacts(
        name,
        facts.st_dev,
        facts.st_ino,
        facts.st_size,
        facts.st_mtime_ns,
        facts.st_nlink,
        facts.st_blocks * 512,
    )


def content(path: Path) -> Content:
    facts = path.lstat()
    return facts.st_size, facts.st_mtime_ns, stat.S_IMODE(facts.st_mode), hashlib.sha256(path.read_bytes()).hexdigest()


def contents(path: Path) -> dict[str, Content]:
    """Every file of a model directory outside of our state, by name."""
    found = {}
    for folder, folders, files in os.walk(path):
        if STATE_DIRECTORY in folders:
            folders.remove(STATE_DIRECTORY)
        for file in files:
            whole = Path(folder, file)
            found[str(whole.relative_to(path))] = content(whole)
    return found


def everything(path: Path) -> dict[str, object]:
    """All of a directory with our state, but for the record of the lock's owner and the times of directories."""
    found: dict[str, object] = {}
    for folder, _, files in os.walk(path):
        found[folder] = stat.S_IMODE(Path(folder).lstat().st_mode)
        for file in files:
            if not (file == "lock" and folder.endswith("/lock")):
                found[f"{folder}/{file}"] = content(Path(folder, file))
    return found


def make_models(path: Path, count: int) -> list[str]:
    """Make `count` models at depth 1 and 2, of distinct contents, modes and times."""
    names = [f"model-{n}.gguf" if n % 2 else f"org_repo-{n % 3}/model-{n}.gguf" for n in range(count)]
    for n, name in enumerate(names):
        whole = path / name
        whole.parent.mkdir(exist_ok=True)
        whole.write_bytes(b"%d " % n * (n * 7 + 1))
        whole.chmod(0o600 + n % 8)
        os.utime(whole, ns=(n, 10**18 + n * 1001))
    return names


def all_well(_moved: Sequence[FileFacts]) -> Sequence[str]:
    return ()


class Clock:
    """A clock that goes on by a second at each look."""

    def __init__(self, start: float = 1.7e9) -> None:
        self.time = start

    def __call__(self) -> float:
        self.time += 1
        return self.time


@dataclass
class World:
    """A model directory with doomed models and others that nobody may touch."""

    path: Path
    doomed: list[str]
    kept: list[str]
    before: dict[str, Content]

    @classmethod
    def make(cls, path: Path, doomed: int = 10, kept: int = 3) -> World:
        path.mkdir(parents=True, exist_ok=True)
        names = make_models(path, doomed + kept)
        return cls(path, names[:doomed], names[doomed:], contents(path))

    @property
    def directory(self) -> DirectoryFacts:
        return observe(self.path)

    def orders(self, retain: float = 1000.0, **more: object) -> Orders:
        doomed = [evidence(self.path, name) for name in self.doomed if (self.path / name).exists()]
        return Orders(doomed, **{"verify": all_well, "retain": retain, **more})  # type: ignore[arg-type]

    def recover(self) -> None:
        with Transaction.open(self.directory, Clock()):
            pass

    def account(self) -> dict[str, Fate]:
        """Where each doomed model is, with its content proven. AssertionError if one is lost, doubled or changed."""
        places = contents(self.path)
        for name in self.kept:
            assert places.pop(name) == self.before[name], f"{name} was to be kept"
        found = dict.fromkeys(places, Fate.UNTOUCHED)
        for name, what in places.items():
            assert what == self.before[name], f"{name} has changed"
        for run in retained(self.directory):
            folder = self.path / STATE_DIRECTORY / "runs" / run.run / "quarantine"
            for number in run.numbers:
                name = run.log.models[number].name
                assert name not in found, f"{name} is in two places"
                assert content(folder / str(number)) == self.before[name], f"{name} has changed in quarantine"
                found[name] = Fate.QUARANTINED
        purged = {
            model.name
            for run in history.runs(self.directory)
            for model in run.models
            if run.kind == "apply" and model.fate is Fate.PURGED
        }
        for name in set(self.doomed) - set(found):
            assert name in purged, f"{name} is lost"
            found[name] = Fate.PURGED
        return found

    def recovers(self) -> dict[str, Fate]:
        """Recover, account for every model, and see that a second recovery changes nothing."""
        self.recover()
        fates = self.account()
        assert history.verify(self.directory) == []
        once = everything(self.path)
        self.recover()
        assert everything(self.path) == once, "a second recovery changed something"
        return fates
