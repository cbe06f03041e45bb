"""The statistics of the suite: what is left of many paired measurements. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Summary:
    """Median, extremes and quartiles of a list of measurements, in their unit."""

    median: float
    low: float
    high: float
    lower_quartile: float
    upper_quartile: float


def summarize(values: Sequence[float]) -> Summary:
    """The summary of at least one value; the quartiles are interpolated, extremes included."""
    if len(values) == 1:
        return Summary(values[0], values[0], values[0], values[0], values[0])
    lower, median, upper = statistics.quantiles(values, n=4, method="inclusive")
    return Summary(median, min(values), max(values), lower, upper)


def ratios(ours: Sequence[float], theirs: Sequence[float], scale: float = 1.0) -> list[float]:
    """Ours over `scale` times theirs, pair by pair: what slows both runs of a pair cancels out."""
    return [mine / (scale * other) for mine, other in zip(ours, theirs, strict=True)]


def is_met(ratio: float, target: float, *, at_least: bool) -> bool:
    """Whether a ratio keeps to its target: an upper bound, or a lower one."""
    return ratio >= target if at_least else ratio <= target
