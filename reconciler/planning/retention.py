"""Which of the models that one allow rule matches stay, by its `keep`. Pure.

A model stays if `latest` or `within` keeps it; where neither is given, every model does. `atMost` then caps what
stays: the oldest go until the rest fits, but the newest never goes, however large it is. Files of one set are one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from reconciler.facts import FileFacts
from reconciler.planning.sets import unsharded
from reconciler.planning.versions import Version, version_of
from reconciler.quantities import human_duration, human_size

if TYPE_CHECKING:
    from reconciler.manifest.schema import Keep


@dataclass(frozen=True, slots=True)
class Unit:
    """What is kept or dropped as one: a model, or the files of a set; `name` is the model's or the lead's."""

    name: str
    files: tuple[FileFacts, ...]

    @property
    def modified(self) -> float:
        """When the newest of its files was modified, in seconds since 1970."""
        return max(file.mtime_ns for file in self.files) / 10**9


class Kept(NamedTuple):
    """Whether a unit stays, and why: the criterion and what it was compared with."""

    stays: bool
    reason: str


def retain(keep: Keep, units: Iterable[Unit], now: float) -> Mapping[str, Kept]:
    """What becomes of each unit, by its name. `now` is in seconds since 1970."""
    everything = list(units)
    versions = {unit.name: version_of(unsharded(unit.name)) for unit in everything}
    latest = {} if keep.latest is None else _latest(keep.latest, versions)
    verdicts = {unit.name: _kept(keep, unit, latest.get(unit.name), now) for unit in everything}
    if keep.at_most is None:
        return verdicts
    staying = [unit for unit in everything if verdicts[unit.name].stays]
    return verdicts | _capped(keep.at_most, staying, versions, verdicts)


def _kept(keep: Keep, unit: Unit, latest: Kept | None, now: float) -> Kept:
    answers = [latest] if latest else []
    if keep.within is not None:
        answers.append(_within(keep.within, now - unit.modified))
    for answer in answers:
        if answer.stays:
            return answer
    return Kept(not answers, ", ".join(answer.reason for answer in answers))


def _latest(count: int, versions: Mapping[str, Version | None]) -> dict[str, Kept]:
    """The highest versions of each series; equal versions stay or go together."""
    series: defaultdict[str, dict[object, str]] = defaultdict(dict)
    for version in versions.values():
        if version:
            series[version.series].setdefault(version.key, version.text)
    order = {name: sorted(keys.items(), reverse=True, key=_first) for name, keys in series.items()}
    ranks = {name: {key: rank for rank, (key, _) in enumerate(pairs, 1)} for name, pairs in order.items()}
    found: dict[str, Kept] = {}
    for name, version in versions.items():
        if version is None:
            found[name] = Kept(True, "there is no version in its name for keep.latest to compare")
            continue
        rank, of = ranks[version.series][version.key], len(ranks[version.series])
        told = f"version {version.text} is number {rank} of {of}, and keep.latest is {count}"
        if rank > count:
            told += f" ({_some([text for _, text in order[version.series][:count]])})"
        found[name] = Kept(rank <= count, told)
    return found


def _first(pair: tuple[Any, str]) -> Any:
    return pair[0]


def _some(texts: Sequence[str]) -> str:
    return ", ".join(texts[:3]) + (", …" if len(texts) > 3 else "")


def _within(longest: float, age: float) -> Kept:
    told = f"it was modified {human_duration(max(age, 0))} ago, and keep.within is {human_duration(longest)}"
    return Kept(age <= longest, told)


def _capped(
    cap: int, staying: Sequence[Unit], versions: Mapping[str, Version | None], verdicts: Mapping[str, Kept]
) -> dict[str, Kept]:
    """The newest units whose files fit together into `cap` bytes; hard links of one file count once."""

    def age(unit: Unit) -> tuple[float, object, str]:
        version = versions[unit.name]
        return unit.modified, version.key if version else (), unit.name

    found: dict[str, Kept] = {}
    counted: set[tuple[int, int]] = set()
    used, full = 0, False
    for number, unit in enumerate(sorted(staying, key=age, reverse=True)):
        sizes = {file.identity: file.size for file in unit.files if file.identity not in counted}
        counted.update(sizes)
        used += sum(sizes.values())
        full = full or (used > cap and number > 0)
        told = f"with all that is newer it takes {human_size(used)}, and keep.atMost is {human_size(cap)}"
        if not number and used > cap:
            told += ", but the newest always stays"
        before = verdicts[unit.name].reason
        found[unit.name] = Kept(not full, f"{before}; {told}" if before and not full else told)
    return found
