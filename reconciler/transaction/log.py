"""What a journal says: one run as a value. The same reading serves recovery, history and the warnings of a plan."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.facts import FileFacts
from reconciler.transaction.journal import Reading
from reconciler.transaction.result import Fate, Freed, JournalError, ModelFate
from reconciler.transaction.tree import refuse_name


@dataclass(frozen=True, slots=True)
class RunLog:
    """One run by its journal. A record that is not there (yet) is None.

    `models` are those that the run is about, by their number in the quarantine of `target` (of the run itself, if
    it is an apply). `kind` is `apply`, `rollback` or `purge`; a purge has `targets` and no models.
    """

    run: str
    kind: str
    began: float
    header: Mapping[str, Any]
    models: Mapping[int, FileFacts]
    digests: Mapping[str, str]
    target: str
    targets: tuple[str, ...]
    previous: tuple[str, str] | None
    digest: str
    undo: Mapping[str, Any] | None = None
    commit: Mapping[str, Any] | None = None
    end: Mapping[str, Any] | None = None
    committed: float | None = None
    ended: float | None = None
    torn: bool = False
    chain: tuple[str, ...] = field(default=(), repr=False)

    @property
    def until(self) -> float | None:
        """When the quarantine of an apply may be purged, in seconds; None if it was not committed."""
        return None if self.commit is None or self.committed is None else self.committed + float(self.commit["retain"])

    @property
    def freed(self) -> Freed:
        """What the run purged, as it was measured."""
        freed = (self.end or {}).get("freed")
        return Freed() if freed is None else Freed(freed[0], freed[1], freed[2], tuple(freed[3]))

    def fates(self) -> tuple[ModelFate, ...]:
        """The fate of each model at the end of this run, in the order of its numbers; see `history` for later ones."""
        end, undo = self.end or {}, self.undo or {}
        failures = {**(self.undo or self.commit or {}).get("failures", {}), **end.get("failures", {})}
        moved: Container[int] = undo.get("moved", ()) if self.undo is not None else self.models
        if self.commit is None and self.undo is None and self.kind == "apply":
            moved = ()
        return fates_of(self.models, failures, end.get("stuck", {}), moved, self._fate_of_moved())

    def _fate_of_moved(self) -> Fate:
        if self.end is None or (self.kind == "rollback" and self.undo is not None):
            return Fate.QUARANTINED
        if self.commit is None:
            return Fate.RESTORED
        return Fate.QUARANTINED if self.end.get("freed") is None else Fate.PURGED


def fates_of(
    models: Mapping[int, FileFacts],
    failures: Mapping[str, str],
    stuck: Mapping[str, str],
    moved: Container[int],
    fate: Fate,
) -> tuple[ModelFate, ...]:
    """The fate of each model: `fate` for those moved; the keys of `failures` and `stuck` are numbers in decimal."""

    def one(number: int, name: str) -> ModelFate:
        key = str(number)
        if key in stuck:
            return ModelFate(name, Fate.QUARANTINED, stuck[key])
        if key in failures:
            return ModelFate(name, Fate.FAILED, failures[key])
        return ModelFate(name, fate if number in moved else Fate.UNTOUCHED)

    return tuple(one(number, file.name) for number, file in models.items())


def read_log(run: str, reading: Reading) -> RunLog | None:
    """The run that a journal tells of, or None if not even its beginning became durable. Raises JournalError."""
    if not reading.records:
        return None
    try:
        log = _read(run, reading)
    except (KeyError, TypeError, ValueError) as error:
        raise JournalError(f"{run}: the journal is not one of this release ({error!r}); nothing was done") from error
    for file in log.models.values():
        refuse_name(file.name)  # a journal travels with its volume: it must not lead out of the directory either
    return log


def _read(run: str, reading: Reading) -> RunLog:
    begin = reading.records[0]
    later = {record.kind: record for record in reading.records[1:]}
    data = begin.data
    numbers = data.get("numbers", range(len(data["models"])))
    previous = data["previous"]
    return RunLog(
        run=run,
        kind=data["of"],
        began=begin.time,
        header=data["header"],
        models={number: FileFacts(*row) for number, row in zip(numbers, data["models"], strict=True)},
        digests=data["digests"],
        target=data.get("target", run),
        targets=tuple(data.get("targets", ())),
        previous=None if previous is None else (previous[0], previous[1]),
        digest=reading.records[-1].digest,
        undo=later["undo"].data if "undo" in later else None,
        commit=later["commit"].data if "commit" in later else None,
        end=later["end"].data if "end" in later else None,
        committed=later["commit"].time if "commit" in later else None,
        ended=later["end"].time if "end" in later else None,
        torn=reading.torn,
        chain=tuple(record.digest for record in reading.records),
    )
