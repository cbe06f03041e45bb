from __future__ import annotations

from typing import Any

import pytest

from benchmarks.measure import Measured, Run
from benchmarks.report import MET, MISSED, NOT_MEASURED, Section, document, glance, line_for_terminal, outcome, row
from benchmarks.suite import MEMORY, Comparison, Side, questions

MIB = 2**20


def measured(**options: Any) -> Measured:
    comparison = Comparison("plan", Side("ours"), Side("rclone"), 1000, **options)
    ours = [Run(0.3, 60 * MIB), Run(0.2, 60 * MIB), Run(0.4, 60 * MIB)]
    return Measured(comparison, ours, [Run(0.1, 20 * MIB)] * 3)


def test_a_row_states_medians_extremes_ratio_peaks_and_target():
    assert row(measured(target=2.0), 25 * MIB) == (
        "| plan | 1,000 | rclone | 300 ms (200 to 400) | 100 ms (100 to 100) | 3 (2.5 to 3.5) | 3 | 60 MiB "
        "| at most 25 MiB | ≤ 2 | **missed** |"
    )


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ""),
        ({"target": 3.1}, MET),
        ({"target": 2.9}, MISSED),
        ({"target": 2.9, "at_least": True}, MET),
        ({"target": 0.31, "scale": 10}, MET),
        ({"target": 2.9, "scale": 0.5}, MISSED),
        ({"target": 3.0, "quantity": MEMORY}, MET),
    ],
)
def test_outcomes(options, expected):
    assert outcome(measured(**options)) == expected


def test_what_is_missed_or_not_measured_is_told_at_the_top():
    missed = measured(target=2.0, limit="a law of nature")
    absent = Measured(Comparison("plan", Side("ours"), Side("hf"), target=1.0), failure="hf is not installed")
    text = document([Section("Plans", "About plans.", [missed, absent, measured(target=4)])], [("cores", "2")], 0)
    assert "**1 of 3 targets met, 1 missed.**" in text
    assert "- missed: plan against rclone: 3, target 2. Limited by: a law of nature." in text
    assert "- not measured: plan against hf: hf is not installed" in text
    assert outcome(absent) == NOT_MEASURED
    assert "| cores | 2 |" in text


def test_a_glance_has_a_row_for_each_target_and_only_for_these():
    absent = Measured(Comparison("scan", Side("ours"), Side("find"), target=1.0), failure="find is not installed")
    rows = [
        line for line in glance([Section("", "", [measured(), measured(target=4), absent])]).splitlines() if "|" in line
    ]
    assert rows[2:] == [
        "| plan | 1,000 | rclone | 3 (2.5 to 3.5) | ≤ 4 | met |",
        "| scan |  | find |  | ≤ 1 | not measured |",
    ]


def test_the_terminal_is_told_what_the_comparison_is_about():
    assert line_for_terminal(measured(target=2.0)) == (
        "plan [1,000] / rclone: 3 (2.5 to 3.5), target ≤ 2: missed; 300 ms (200 to 400) / 100 ms (100 to 100)"
    )
    assert line_for_terminal(measured(quantity=MEMORY)) == "plan [1,000] / rclone: 3 (3 to 3); 60 MiB / 20 MiB"


def test_every_question_says_what_it_is_about():
    found = questions()
    assert list(found) == sorted(found)
    assert all(question.TITLE and question.ABOUT for question in found.values())
