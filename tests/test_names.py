"""What is shown of a hostile name acts on no terminal, and no two names look the same."""

from __future__ import annotations

import os
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from reconciler.names import Shown, harmless, is_plain, printable

NAMES = st.binary().map(os.fsdecode) | st.text()


@given(NAMES)
def test_is_printable_and_encodes(name: str) -> None:
    shown = printable(name)
    # Spaces of other widths count as not printable in Python, but only move the cursor onward.
    assert all(character.isprintable() or unicodedata.category(character) == "Zs" for character in shown)
    shown.encode("utf-8")


@given(NAMES, NAMES)
def test_two_names_never_look_the_same(one: str, two: str) -> None:
    assert (printable(one) == printable(two)) is (one == two)


def test_examples() -> None:
    assert printable("plain name-1.bin") == "plain name-1.bin"
    assert printable("Bücher/文字.bin") == "Bücher/文字.bin"
    assert printable("\x1b[2J\n\x00\x7f\x9b") == r"\x1b[2J\n\x00\x7f\x9b"
    assert printable("raw\udcff\udc80") == r"raw\xff\x80"
    assert printable("\u202e\u200b\ufeff\U000e0001") == r"\u202e\u200b\ufeff\U000e0001"
    assert printable("a\\xff") == r"a\\xff"


@given(st.lists(NAMES | st.text(" #:\\\\ab", max_size=4)))
def test_where_many_are_plain_together_each_is_shown_as_it_is(names: list[str]) -> None:
    if is_plain(" ".join(names)):
        assert list(map(printable, names)) == list(map(printable, map(Shown, names))) == names
    else:
        assert not all(map(is_plain, names))


@given(NAMES)
def test_a_message_is_escaped_once(name: str) -> None:
    message = Shown(f"{printable(name)} is not there")
    assert printable(message) == printable(Shown(printable(message))) == message


@given(NAMES)
def test_harmless_twice_is_as_once(text: str) -> None:
    assert harmless(harmless(text)) == harmless(text)


def test_no_line_of_a_message_is_a_command() -> None:
    assert harmless("it said\n::error::x\n##[add-mask]") == "it said\n\\x3a:error::x\n#\\x23[add-mask]"
