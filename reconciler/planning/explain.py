"""Differences between two documents, told in people's words. DeepDiff finds them.

It is imported by those who have something to explain, because importing DeepDiff costs more than most plans.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deepdiff import DeepDiff


def explain(expected: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """One sentence for each key that differs, sorted.

    The whole is compared key by key however little the two have in common: by default DeepDiff folds a small
    overlap into one change of the root.
    """
    keys = {key for key in expected.keys() | found.keys() if expected.get(key, _ABSENT) != found.get(key, _ABSENT)}
    difference = DeepDiff(
        {key: expected[key] for key in keys & expected.keys()},
        {key: found[key] for key in keys & found.keys()},
        threshold_to_diff_deeper=0,
        view="tree",
    )
    return sorted(_sentence(change) for changes in difference.values() for change in changes)


_ABSENT = object()


def _sentence(change: Any) -> str:
    where = ".".join(str(part) for part in change.path(output_format="list"))
    match change.report_type:
        case "dictionary_item_added" | "iterable_item_added":
            return f"{where} is new: {change.t2}"
        case "dictionary_item_removed" | "iterable_item_removed":
            return f"{where} is gone: it was {change.t1}"
    return f"{where} is {change.t2}, expected {change.t1}"
