"""The results as Markdown: every number comes from a measurement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.measure import Measured, Run
from benchmarks.ratios import Summary, is_met, ratios, summarize
from benchmarks.suite import MEMORY, Comparison

MISSED, MET, NOT_MEASURED = "**missed**", "met", "not measured"

_COLUMNS = ("what", "models", "against", "ours", "theirs", "ratio", "pairs", "peak, ours", "peak, theirs", "target", "")
_AIMED_COLUMNS = ("what", "models", "against", "ratio", "target", "")
_INTRODUCTION = """\
# Benchmark results

Written by `make bench`; nothing here is typed by hand. Ours and theirs ran in turn, in pairs, after a run of each to
warm up. A time is the median, with the least and the most in brackets; a peak is the median, of the largest process of
each run. A ratio is ours over theirs, pair by pair: the median, with its quartiles in brackets; for growth, the larger
size over the smaller one times the growth, and otherwise as its section says."""


@dataclass(frozen=True, slots=True)
class Section:
    """The measurements of one question."""

    title: str
    about: str
    measured: Sequence[Measured]


def document(sections: Sequence[Section], machine: Iterable[tuple[str, str]], floor: int) -> str:
    """The whole file. Peaks at or below `floor` bytes are shown as such: the starter cannot see them."""
    parts = [_INTRODUCTION, glance(sections), _table_of(machine)]
    parts += [_section(section, floor) for section in sections]
    return "\n\n".join(parts) + "\n"


def glance(sections: Sequence[Section]) -> str:
    """How many targets are met, what was missed and why, and a table of every row that has a target."""
    everything = [measured for section in sections for measured in section.measured]
    rows = [_aimed_row(measured) for measured in everything if measured.comparison.target is not None]
    return _summary(everything) + (f"\n\n{_table(_AIMED_COLUMNS, rows)}" if rows else "")


def row(measured: Measured, floor: int) -> str:
    """One line of a table."""
    comparison = measured.comparison
    models = f"{comparison.models:,}" if comparison.models else ""
    target = _target(comparison)
    head = [comparison.what, models, comparison.theirs.name]
    if measured.failure:
        return _cells([*head, *[""] * 6, target, NOT_MEASURED])
    cells = [
        *head,
        _seconds([run.seconds for run in measured.ours]),
        _seconds([run.seconds for run in measured.theirs]),
        _ratio(measured),
        str(len(measured.ours)),
        _peak(measured.ours, floor),
        _peak(measured.theirs, floor),
        target,
        outcome(measured),
    ]
    return _cells(cells)


def _aimed_row(measured: Measured) -> str:
    comparison = measured.comparison
    models = f"{comparison.models:,}" if comparison.models else ""
    ratio = "" if measured.failure else _ratio(measured)
    return _cells([comparison.what, models, comparison.theirs.name, ratio, _target(comparison), outcome(measured)])


def ratio_of(measured: Measured) -> Summary:
    """The ratio of what the comparison is about."""
    ours, theirs = _values(measured, measured.ours), _values(measured, measured.theirs)
    return summarize(ratios(ours, theirs, measured.comparison.scale))


def outcome(measured: Measured) -> str:
    """Met, missed, not measured, or nothing where there is no target."""
    comparison = measured.comparison
    if measured.failure:
        return NOT_MEASURED
    if comparison.target is None:
        return ""
    met = is_met(ratio_of(measured).median, comparison.target, at_least=comparison.at_least)
    return MET if met else MISSED


def _values(measured: Measured, runs: Sequence[Run]) -> list[float]:
    return [float(run.peak) if measured.comparison.quantity == MEMORY else run.seconds for run in runs]


def _summary(everything: Sequence[Measured]) -> str:
    """How many targets are met, then each miss with what limits it, then what could not be measured."""
    aimed = [measured for measured in everything if measured.comparison.target is not None]
    missed = [measured for measured in aimed if outcome(measured) == MISSED]
    met = sum(outcome(measured) == MET for measured in aimed)
    lines = [f"**{met} of {len(aimed)} targets met, {len(missed)} missed.**"]
    lines += [_told(measured) for measured in missed]
    failures: Mapping[str, None] = dict.fromkeys(
        f"{measured.comparison.what} against {measured.comparison.theirs.name or 'its peer'}: {measured.failure}"
        for measured in everything
        if measured.failure
    )
    lines += [f"- not measured: {failure}" for failure in failures]
    return "\n".join([lines[0], "", *lines[1:]]).rstrip()


def _told(measured: Measured) -> str:
    comparison = measured.comparison
    where = f"{comparison.what} against {comparison.theirs.name}"
    limit = f" Limited by: {comparison.limit}." if comparison.limit else ""
    return f"- missed: {where}: {ratio_of(measured).median:.3g}, target {comparison.target:g}.{limit}"


def _table_of(machine: Iterable[tuple[str, str]]) -> str:
    return _table(("machine", ""), [_cells(pair) for pair in machine])


def _section(section: Section, floor: int) -> str:
    rows = [row(measured, floor) for measured in section.measured]
    return "\n".join([f"## {section.title}", "", section.about, "", _table(_COLUMNS, rows)])


def _table(columns: Sequence[str], rows: Iterable[str]) -> str:
    return "\n".join([_cells(columns), _cells("---" for _ in columns), *rows])


def _cells(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |"


def _target(comparison: Comparison) -> str:
    if comparison.target is None:
        return ""
    return f"{'≥' if comparison.at_least else '≤'} {comparison.target:g}"


def _ratio(measured: Measured) -> str:
    summary = ratio_of(measured)
    return f"{summary.median:.3g} ({summary.lower_quartile:.3g} to {summary.upper_quartile:.3g})"


def _seconds(values: Sequence[float]) -> str:
    summary = summarize(values)
    factor, unit = _unit(summary.median)
    return f"{summary.median * factor:.4g} {unit} ({summary.low * factor:.4g} to {summary.high * factor:.4g})"


def _unit(seconds: float) -> tuple[float, str]:
    if seconds >= 1:
        return 1.0, "s"
    return (1e3, "ms") if seconds >= 1e-3 else (1e6, "µs")


def _peak(runs: Sequence[Run], floor: int) -> str:
    peak = summarize([float(run.peak) for run in runs]).median
    return f"at most {floor / 2**20:.0f} MiB" if peak <= floor else f"{peak / 2**20:.0f} MiB"


def line_for_terminal(measured: Measured) -> str:
    """What is said while the suite runs."""
    comparison = measured.comparison
    models = f" [{comparison.models:,}]" if comparison.models else ""
    text = f"{comparison.what}{models} / {comparison.theirs.name or 'peer'}: "
    if measured.failure:
        return text + measured.failure
    target = f", target {_target(comparison)}: {outcome(measured).strip('*')}" if comparison.target is not None else ""
    return (
        f"{text}{_ratio(measured)}{target}; {_amount(measured, measured.ours)} / {_amount(measured, measured.theirs)}"
    )


def _amount(measured: Measured, runs: Sequence[Run]) -> str:
    """What one side took of what the comparison is about."""
    if measured.comparison.quantity == MEMORY:
        return _peak(runs, 0)
    return _seconds([run.seconds for run in runs])
