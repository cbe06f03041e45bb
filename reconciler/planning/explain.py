"""Differences between two documents, told in people's words. DeepDiff finds them.

It is imported by those who have something to explain, because importing DeepDiff costs more than most plans.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from deepdiff import DeepDiff

from reconciler.manifest.emit import told

CHANGED = "{where} is {found}, expected {expected}"


def explain(expected: Mapping[str, Any], found: Mapping[str, Any], *, changed: str = CHANGED) -> list[str]:
    """One sentence for each key that differs, sorted; `changed` words those of keys that are in both.

    The whole is compared key by key however little the two have in common: by default DeepDiff folds a small
    overlap into one change of the root.
    """
    return sorted(_sentence(_path(change), change, changed) for change in _changes(expected, found))


def explain_each(expected: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, list[str]]:
    """For each key whose documents differ, the sentences of `explain` about the two documents."""
    sentences: defaultdict[str, list[str]] = defaultdict(list)
    for change in _changes(expected, found):
        key, *rest = _path(change)
        sentences[key].append(_sentence(rest, change, CHANGED))
    return {key: sorted(told) for key, told in sentences.items()}


def _changes(expected: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[Any]:
    """What DeepDiff finds under the keys that differ, which are all that it gets to see: it costs by what it sees."""
    keys = {key for key in expected.keys() | found.keys() if expected.get(key, _ABSENT) != found.get(key, _ABSENT)}
    difference = DeepDiff(
        {key: expected[key] for key in keys & expected.keys()},
        {key: found[key] for key in keys & found.keys()},
        threshold_to_diff_deeper=0,
        view="tree",
    )
    for changes in difference.values():
        yield from changes


_ABSENT = object()


def _path(change: Any) -> list[Any]:
    path: list[Any] = change.path(output_format="list")
    return path


def _sentence(path: list[Any], change: Any, changed: str) -> str:
    where = ".".join(map(str, path))
    match change.report_type:
        case "dictionary_item_added" | "iterable_item_added":
            return f"{where} is new: {told(change.t2)}"
        case "dictionary_item_removed" | "iterable_item_removed":
            return f"{where} is gone: it was {told(change.t1)}"
    return changed.format(where=where, found=told(change.t2), expected=told(change.t1))
