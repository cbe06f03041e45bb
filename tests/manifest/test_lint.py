from __future__ import annotations

import pytest

from reconciler.manifest.lint import warnings_of
from reconciler.manifest.loader import parse_manifest

HEAD = "apiVersion: ocr-reconcile/v1\nkind: ModelSet\nmetadata: {name: test}\nspec:\n"
UNMATCHED = "nothing in `models.include` matches it"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("  deny: ['old_*', '**/*-x.*', '*.bin', {match: 'a[12]'}, '**']\n", []),
        ("  deny: ['*.txt']\n", [f"5:10: `*.txt` in `deny` can never match a model: {UNMATCHED}"]),
        ("  protect: [notes.txt]\n", [f"5:13: `notes.txt` in `protect` can never match a model: {UNMATCHED}"]),
        ("  models: {include: ['a*']}\n  deny: ['*.txt']\n", []),
        (
            "  allow: [{match: 'fr*.bin'}, {name: fr1.bin, size: 1}]\n",
            ["5:31: `fr1.bin` in `allow` decides nothing: `allow[0]` (m.yaml:5:11) matches it before"],
        ),
        ("  allow: [{name: fr1.bin, size: 1}, {match: 'fr*.bin'}]\n", []),
        (
            "  protect: ['*.bin']\n  deny: [a.bin]\n",
            ["6:10: `a.bin` in `deny` decides nothing: `protect[0]` (m.yaml:5:13) matches it before"],
        ),
        (
            "  deny: ['**/*.bin']\n  allow: [{match: 'fr*.bin'}, {match: '**/*'}]\n",
            ["6:11: `fr*.bin` in `allow` decides nothing: `deny[0]` (m.yaml:5:10) matches it before"],
        ),
    ],
)
def test_warnings(spec: str, expected: list[str]) -> None:
    found = [
        str(issue).removeprefix("m.yaml:") for issue in warnings_of(parse_manifest((HEAD + spec).encode(), "m.yaml"))
    ]
    assert [text.partition("; ")[0] for text in found] == expected
