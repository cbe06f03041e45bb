"""Near names, against a plain definition."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.planning.near import MOST, NearNames


def one_edit_apart(one: str, two: str) -> bool:
    """Insertion, deletion, replacement, or neighbours swapped; by trying them all."""
    letters = set(one + two)
    edits = {one[:i] + one[i + 1 :] for i in range(len(one))}
    edits |= {one[:i] + letter + one[i:] for i in range(len(one) + 1) for letter in letters}
    edits |= {one[:i] + letter + one[i + 1 :] for i in range(len(one)) for letter in letters}
    edits |= {one[:i] + one[i + 1 : i + 2] + one[i : i + 1] + one[i + 2 :] for i in range(len(one) - 1)}
    return two in edits


NAMES = st.text("ab1._", min_size=1, max_size=8)


@given(NAMES, NAMES)
def test_everything_one_edit_apart_is_found(one: str, two: str) -> None:
    if one != two and one_edit_apart(one, two):
        assert NearNames([two], wanted=[one]).of(one) == [two]


@given(NAMES, NAMES)
def test_nothing_two_lengths_apart_is_found(one: str, two: str) -> None:
    def folded(text: str) -> set[str]:
        text = re.sub(r"[\s._\-/]", "_", text.casefold())
        return {text, re.sub(r"\d+", "0", text)}

    if all(abs(len(a) - len(b)) > 1 for a in folded(one) for b in folded(two)):
        assert NearNames([two], wanted=[one]).of(one) == []


@pytest.mark.parametrize(
    ("wanted", "name", "near"),
    [
        ("en_ocr_v1.bin", "en-ocr-v1.bin", True),
        ("en_ocr_v1.bin", "EN_OCR_V1.bin", True),
        ("en_ocr_v1.bin", "en_ocr_v12.bin", True),
        ("en_ocr_v9.bin", "en_ocr_v10.bin", True),
        ("en_ocr_v1.bin", "en_orc_v1.bin", True),
        ("org_repo/x.gguf", "org/repo_x.gguf", True),
        ("en_ocr_v1.bin", "es_ocr_v1.bin", True),
        ("en_ocr_v1.bin", "fr_ocr_v1.bin", False),
        ("en_ocr_v1.bin", "old_en_ocr_v1.bin", False),
    ],
)
def test_examples(wanted: str, name: str, near: bool) -> None:
    assert (NearNames([name], wanted=[wanted]).of(wanted) == [name]) is near


def test_a_series_is_cut() -> None:
    series = [f"ckpt-{number:05}.bin" for number in range(10_000)]
    assert len(NearNames(series, wanted=["ckpt-x1.bin", "ckpt-99999.bin"]).of("ckpt-99999.bin")) == MOST


def test_long_names_are_compared_whole_only() -> None:
    long = "x" * 3000
    assert NearNames([long + "y", long.upper()], wanted=[long]).of(long) == [long.upper()]
