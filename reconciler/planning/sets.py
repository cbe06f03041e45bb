"""Files that are one model together, found by the naming habits of the field and by `files:` of allow rules. Pure.

| habit | the set |
| --- | --- |
| `model-00001-of-00003.gguf` (and of every other suffix) | all shards, and `model.gguf.index.json` |
| `model.onnx_data`, `model.onnx_data_1`, `model.onnx.data` | with `model.onnx` |
| `model.json`, `model.tokenizer.json`, `model.tokenizer`, `model.tokenizer.model` | with the model of that stem |
| `mmproj-model-f16.gguf`, `model-mmproj-f16.gguf` | with `model-Q4_K_M.gguf`, whatever the quantisation |

A file that would belong to several models belongs to none of them: it is shared.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

_SHARD = re.compile(r"(?P<stem>.+)-(?P<number>[0-9]{5})-of-(?P<total>[0-9]{5})(?P<suffix>(?:\.[^./]+)?)", re.DOTALL)
_INDEX = re.compile(r"(.+\.[^./]+)\.index\.json", re.DOTALL)
_DATA = re.compile(r"(.+\.onnx)(?:_data(?:_[0-9]+)?|\.data)", re.DOTALL)
_SIDECAR = re.compile(r"(.+?)(?:\.tokenizer)?\.json|(.+)\.tokenizer(?:\.model)?", re.DOTALL)
_QUANTISED = re.compile(r"[-._]*(?:ud[-._])?(?:i?q[0-9][a-z0-9_]*|bf16|f16|f32|fp16|fp32|mxfp4)$")


@dataclass(frozen=True, slots=True)
class FileSet:
    """Files that are one model: `lead` is the first of those that are no mere company of another.

    `missing` names files that should be there too; of shards the first few.
    """

    lead: str
    members: tuple[str, ...]
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sets:
    """The sets with more than one member or with a missing one, and the owners of each shared file."""

    of: Mapping[str, FileSet]
    shared: Mapping[str, tuple[str, ...]]


_TOLD = 3


def unsharded(name: str) -> str:
    """The name of the model whose shard `name` is; another name unchanged."""
    shard = _SHARD.fullmatch(name)
    return shard["stem"] + shard["suffix"] if shard else name


def find_sets(
    names: Iterable[str],
    is_candidate: Callable[[str], bool],
    declared: Mapping[str, tuple[str, ...]],
    *,
    habits: bool,
) -> Sets:
    """The sets among `names`; `declared` holds the further files of a model, in its directory.

    Only candidates are models; what is none can only be company of one.
    """
    return _Finder(names, is_candidate, declared, habits=habits).sets()


class _Finder:
    """Joins names into groups; a group is known by one of its names."""

    def __init__(
        self,
        names: Iterable[str],
        is_candidate: Callable[[str], bool],
        declared: Mapping[str, tuple[str, ...]],
        *,
        habits: bool,
    ) -> None:
        self._names = set(names)
        self._habits = habits
        self._models = {name for name in self._names if is_candidate(name)}
        self._parent: dict[str, str] = {}
        self._missing: defaultdict[str, list[str]] = defaultdict(list)
        self._owners: defaultdict[str, set[str]] = defaultdict(set)
        self._declared = declared

    def sets(self) -> Sets:
        if self._habits:
            self._join_shards()
            self._find_company()
        for model, files in self._declared.items():
            self._declare(model, files)
        shared: dict[str, tuple[str, ...]] = {}
        for companion, owners in sorted(self._owners.items()):
            groups = {self._root(owner): owner for owner in sorted(owners, reverse=True)}
            groups.pop(self._root(companion), None)
            if len(groups) == 1:
                self._join(companion, *groups)
            elif groups:
                shared[companion] = tuple(sorted(groups.values()))
        return Sets(self._collected(), shared)

    def _collected(self) -> dict[str, FileSet]:
        groups: defaultdict[str, list[str]] = defaultdict(list)
        for name in {*self._parent, *self._missing}:
            groups[self._root(name)].append(name)
        missing: defaultdict[str, list[str]] = defaultdict(list)
        for name, lacking in self._missing.items():
            missing[self._root(name)] += lacking
        found: dict[str, FileSet] = {}
        for root, members in groups.items():
            if len(members) > 1 or missing[root]:
                lead = min(members, key=lambda name: (name in self._owners, name))
                whole = FileSet(lead, tuple(sorted(members)), tuple(sorted(set(missing[root]))))
                found.update(dict.fromkeys(members, whole))
        return found

    def _root(self, name: str) -> str:
        while (parent := self._parent.get(name, name)) != name:
            name = parent
        return name

    def _join(self, one: str, other: str) -> None:
        first, second = sorted((self._root(one), self._root(other)))
        self._parent[first] = self._parent[second] = first

    def _join_shards(self) -> None:
        series: defaultdict[tuple[str, str, str], dict[int, str]] = defaultdict(dict)
        for name in self._models:
            if "-of-" in name and (shard := _SHARD.fullmatch(name)):
                series[shard["stem"], shard["total"], shard["suffix"]][int(shard["number"])] = name
        for (stem, total, suffix), shards in series.items():
            expected = range(1, int(total) + 1)
            inside = [name for number, name in sorted(shards.items()) if number in expected]
            for name in inside:
                self._join(inside[0], name)
            lacking = (number for number in expected if number not in shards)
            first = [
                f"{stem}-{number:05d}-of-{total}{suffix}" for number, _ in zip(lacking, range(_TOLD), strict=False)
            ]
            if inside and first:
                self._missing[inside[0]] += first

    def _find_company(self) -> None:
        stems: defaultdict[str, list[str]] = defaultdict(list)
        for name in sorted(self._names):
            if index := _INDEX.fullmatch(name):
                stems[index[1]].append(name)
            if data := _DATA.fullmatch(name):
                stems[data[1]].append(name)
            elif sidecar := _SIDECAR.fullmatch(name):
                stems[sidecar[1] or sidecar[2]].append(name)
        for model in self._models if stems else ():
            whole = unsharded(model)
            for key in {whole, whole.rpartition(".")[0]}:
                for companion in stems.get(key, ()):
                    self._own(companion, model)
        self._find_projectors()

    def _find_projectors(self) -> None:
        projectors = [
            name for name in self._models if ("mmproj" in name or "MMPROJ" in name) and name.lower().endswith(".gguf")
        ]
        if not projectors:
            return
        models: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        for name in self._models.difference(projectors):
            if name.lower().endswith(".gguf"):
                folder, base = _based(name)
                models[folder, base].append(name)
                models[folder, ""].append(name)
        for projector in projectors:
            folder, base = _based(projector)
            generic = base in {"", "model"}
            # At the top, a projector of no particular name may be that of any model there.
            owners = models[folder, "" if generic else base] if folder or not generic else []
            for model in owners:
                self._own(projector, model)

    def _declare(self, model: str, files: Iterable[str]) -> None:
        for name in _beside(model, files):
            if name == model:
                continue
            if name in self._names:
                self._own(name, model)
            else:
                self._missing[model].append(name)

    def _own(self, companion: str, model: str) -> None:
        if companion != model:
            self._owners[companion].add(model)


def _beside(model: str, files: Iterable[str]) -> Iterator[str]:
    folder, slash, _ = model.rpartition("/")
    return (f"{folder}{slash}{name}" for name in files)


def _based(name: str) -> tuple[str, str]:
    """The directory of a GGUF, and what is left of its name without quantisation and `mmproj`."""
    folder, _, base = unsharded(name).lower().rpartition("/")
    base = _QUANTISED.sub("", base.removesuffix(".gguf"))
    parts = [part for part in re.split(r"[-._]+", base) if part not in {"", "mmproj"}]
    return folder, "-".join(parts)
