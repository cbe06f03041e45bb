from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.ratios import Summary, is_met, ratios, summarize

positive = st.floats(min_value=1e-6, max_value=1e6)


def test_summary_of_known_values():
    assert summarize([5.0, 1.0, 4.0, 2.0, 3.0]) == Summary(3.0, 1.0, 5.0, 2.0, 4.0)


def test_summary_of_one_value_is_that_value():
    assert summarize([7.0]) == Summary(7.0, 7.0, 7.0, 7.0, 7.0)


@given(st.lists(positive, min_size=1))
def test_summary_is_ordered_and_within_the_values(values):
    found = summarize(values)
    assert min(values) == found.low
    assert max(values) == found.high
    ordered = [found.low, found.lower_quartile, found.median, found.upper_quartile, found.high]
    assert ordered == pytest.approx(sorted(ordered))


@given(st.lists(st.tuples(positive, positive), min_size=1), st.floats(min_value=0.01, max_value=100))
def test_what_slows_both_runs_of_a_pair_cancels_out(pairs, slowdown):
    ours, theirs = zip(*pairs, strict=True)
    slowed = ratios([slowdown * value for value in ours], [slowdown * value for value in theirs])
    assert slowed == pytest.approx(ratios(ours, theirs))


def test_scale_multiplies_theirs():
    assert ratios([30.0], [2.0], scale=10) == [1.5]


def test_pairs_must_be_pairs():
    with pytest.raises(ValueError, match="shorter"):
        ratios([1.0, 2.0], [1.0])


@pytest.mark.parametrize(
    ("ratio", "target", "at_least", "met"),
    [(1.0, 1.0, False, True), (1.01, 1.0, False, False), (1.9, 1.85, True, True), (1.8, 1.85, True, False)],
)
def test_targets_bound_from_above_or_from_below(ratio, target, at_least, met):
    assert is_met(ratio, target, at_least=at_least) is met
