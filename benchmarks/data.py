"""Seeded data: names, directories of empty files, manifests. The same on every machine and in every run."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

LANGUAGES = ("ar", "de", "en", "es", "fr", "hi", "it", "ja", "pt", "zh")
OLD_SHARE = 0.11
"""Of all models, how many no rule allows: those of version 1."""
MISSING_SHARE = 0.05
CHANGED_SHARE = 0.01
FILES_IN_A_SUBDIRECTORY = 100
MTIME = 1_700_000_000
"""Of every file: what synchronises directories must see that nothing but presence differs."""

_SYLLABLES = tuple(first + second for first in "bdfgklmnprstvz" for second in "aeiou")


@dataclass(frozen=True, slots=True)
class Names:
    """The names of one model directory, sorted: those that the manifests allow, and those that they do not."""

    wanted: tuple[str, ...]
    old: tuple[str, ...]

    @property
    def all(self) -> list[str]:
        """Every name, sorted."""
        return sorted(self.wanted + self.old)


def make_names(count: int, seed: int = 7) -> Names:
    """`count` different names, half of them at depth 1 and half at depth 2, in directories like `org_12/`."""
    chance = random.Random(seed)
    old = set(chance.sample(range(count), max(1, round(count * OLD_SHARE))))
    stems: dict[str, None] = {}
    while len(stems) < count:
        stems[f"{chance.choice(LANGUAGES)}_{''.join(chance.choices(_SYLLABLES, k=5))}"] = None
    names: tuple[list[str], list[str]] = [], []
    for index, stem in enumerate(stems):
        parent = f"org_{index // (2 * FILES_IN_A_SUBDIRECTORY)}/" if index % 2 else ""
        version = 1 if index in old else chance.randint(2, 9)
        names[index in old].append(f"{parent}{stem}_v{version}.bin")
    return Names(tuple(sorted(names[0])), tuple(sorted(names[1])))


def make_tree(path: str, names: Iterable[str], size: int = 0) -> str:
    """A directory of files of `size` zero bytes in blocks of their own; one completed by an earlier run is used again.

    Returns `path`.
    """
    done = f"{path}.complete"
    if os.path.exists(done):
        return path
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path)
    made: set[str] = set()
    for name in names:
        parent = os.path.dirname(name)
        if parent and parent not in made:
            os.mkdir(os.path.join(path, parent))
            made.add(parent)
        file = os.path.join(path, name)
        with open(file, "xb", buffering=0) as stream:
            if size:
                os.posix_fallocate(stream.fileno(), 0, size)
        os.utime(file, (MTIME, MTIME))
    for parent in (*made, ""):
        os.utime(os.path.join(path, parent), (MTIME, MTIME))
    with open(done, "xb"):
        return path


def fresh_tree(path: str, names: Iterable[str], size: int = 0) -> str:
    """As `make_tree`, always made anew and on the disk: for work that removes files.

    A file that was never on the disk is removed without touching it, ten times as fast as a model is.
    """
    with suppress(FileNotFoundError):
        os.unlink(f"{path}.complete")
    make_tree(path, names, size)
    os.sync()
    return path


def make_file(path: str, size: int) -> str:
    """A file of `size` zero bytes, a multiple of 8 MiB; one that is there already is used again. Returns `path`."""
    block = bytes(2**23)
    if not os.path.exists(path) or os.path.getsize(path) != size:
        with open(path, "wb") as file:
            file.writelines(block for _ in range(size // len(block)))
    return path


def manifest_text(model_path: str, allow: Iterable[str], discovery: str = "directory") -> str:
    """A manifest; `allow` holds the rules as YAML flow texts. Guards are opened, because plans are what is measured."""
    rules = "".join(f"    - {rule}\n" for rule in allow)
    return (
        "apiVersion: ocr-reconcile/v1\nkind: ModelSet\nmetadata:\n  name: benchmark\nspec:\n"
        f"  modelPath: {model_path}\n  discovery: [{discovery}]\n  limits: {{maxDeletePercent: 100}}\n  allow:\n{rules}"
    )


def exact_rules(names: Iterable[str], size: int = 0) -> list[str]:
    """A rule for each name, with its size."""
    return [f"{{name: {name}, size: {size}}}" for name in names]


def glob_rules() -> list[str]:
    """A rule for each language: every version of its models but the first."""
    return [f'{{match: "**/{language}_*_v[2-9].bin"}}' for language in LANGUAGES]


def drifted_rules(names: Names, seed: int = 11) -> list[str]:
    """Exact rules of which some are missing on disk and some state another size: with the old ones 11 % differ.

    The shares are of all names; of the unwanted names, those that keep the sum at `OLD_SHARE` stay unwanted.
    """
    everything = names.all
    random.Random(seed).shuffle(everything)
    total = len(everything)
    changed, missing = round(total * CHANGED_SHARE), round(total * MISSING_SHARE)
    unwanted = round(total * OLD_SHARE) - changed - missing
    rules = [f"{{name: {name}, size: 1}}" for name in everything[:changed]]
    rules += [f"{{name: {name}, size: 0}}" for name in everything[changed : total - unwanted]]
    rules += [f"{{name: gone_{name.replace('/', '_')}, size: 0}}" for name in everything[:missing]]
    return sorted(rules)


def write(path: str, text: str) -> str:
    """Write `text` to `path`; return `path`."""
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path
