"""Memory: the peak of whole processes on the two largest directories."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from benchmarks.questions.q5_plan import plan_side, rclone_side
from benchmarks.questions.q8_apply import apply_side, rclone_backup_side
from benchmarks.suite import MEMORY, Bench, Comparison

TITLE = "Memory"
ABOUT = (
    "Peak resident memory of the whole process, as the kernel counts it. A plan is of 11 % to be deleted, an apply "
    "moves 99 % into quarantine, as rclone does into a backup."
)


def comparisons(bench: Bench) -> Iterator[Comparison]:
    for size in bench.sizes[-2:]:
        target = 3.0 if size == 100_000 else None
        for kind in ("globs", "exact entries"):
            base = Comparison(f"plan, {kind}", plan_side(bench, kind, size), rclone_side(bench, size), size, target)
            yield replace(base, quantity=MEMORY, limit="every decision is kept with its evidence")
        if bench.thorough:
            apply = apply_side(bench, size, "7d")
            yield Comparison("apply, quarantine", apply, rclone_backup_side(bench, size), size, quantity=MEMORY)
