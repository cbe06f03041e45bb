"""The stories of what comes after an apply: rolling back, purging, and reading what was done."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from reconciler.facts import DirectoryFacts
from reconciler.inventory import open_directory
from reconciler.provenance import provenance
from reconciler.quantities import human_size
from reconciler.transaction import Recovered, RunResult, Transaction, due


@dataclass(frozen=True, slots=True)
class Undone:
    """What a rollback or a purge did; `run` is None where there was nothing to purge."""

    recovered: Recovered | None
    run: RunResult | None


@contextmanager
def located(*, models: str | None, manifest: str | None) -> Iterator[DirectoryFacts]:
    """The model directory that is named, or that a manifest means. Raises as `Reconciler.model_directory` does."""
    if models is None:
        from reconciler.opening import opened

        with opened(str(manifest)) as reconciler:
            models = reconciler.model_directory()
    with open_directory(models) as (_, directory):
        yield directory


def roll_back(directory: DirectoryFacts, run: str | None) -> Undone:
    """Put back what a run removed (None: the newest that can be). Raises ApplyError and InterruptedRunError."""
    with Transaction.open(directory, now=time.time) as transaction:
        return Undone(transaction.recovered, transaction.rollback(run, provenance(os.getcwd())))


def purge(
    directory: DirectoryFacts, *, older_than: float | None, everything: bool, say: Callable[[str], None]
) -> Undone:
    """Remove for good what is due in quarantine, is older than `older_than` seconds, or all of it."""

    def progress(_: str, done: int, total: int) -> None:
        say(f"purging: {human_size(done)} of {human_size(total)}")

    with Transaction.open(directory, now=time.time) as transaction:
        chosen = due(transaction.retained(), time.time(), older_than, everything)
        return Undone(transaction.recovered, transaction.purge(chosen, provenance(os.getcwd()), progress))
