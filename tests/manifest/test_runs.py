from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reconciler.errors import Issue, ManifestError
from reconciler.manifest import document
from reconciler.manifest.document import Document, parse_all
from reconciler.manifest.runs import FEWEST, shortened

FLOW = "- {{name: m{0}.bin, size: {0}}}"
TEXT = "- m{0}.bin"
BLOCK = "- name: m{0}.bin\n{1}  size: {0}"
SHAPES = (FLOW, TEXT, BLOCK)


def lines(shape: str, indent: str, count: int) -> list[str]:
    return [indent + shape.format(number, indent) for number in range(count)]


def told(one: Document) -> tuple[Any, ...]:
    """All that a document says, with the marks in the order of the tree."""
    found: list[list[int]] = []
    pending = [one.root]
    while pending:
        node = pending.pop()
        if isinstance(node, (dict, list)):
            found.append(one.marks[id(node)])
            pending += node.values() if isinstance(node, dict) else node
    return one.files, one.digest, repr(one.root), one.root_mark, found, one.issues, one.start, one.dollars


def outcome(read: Any, data: bytes) -> list[tuple[Any, ...]] | tuple[Issue, ...]:
    try:
        return [told(one) for one in read(data, "m.yaml")]
    except ManifestError as error:
        return error.issues


def both(text: str) -> list[tuple[Any, ...]] | tuple[Issue, ...]:
    """What reading the text says, which is the same whether its runs are taken out or not."""
    whole = outcome(document._parse_whole, text.encode())
    assert outcome(parse_all, text.encode()) == whole
    return whole


@pytest.mark.parametrize("indent", ["", "  ", "     "])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_run_is_taken_out_and_put_back(shape: str, indent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first = "\n".join(["a:", *lines(shape, indent, 40), "b: [x]", "c:", *lines(shape, indent, 30), "d: y", ""])
    short, runs = shortened(first)
    assert len(runs) == 2
    assert short.count("\n- ".replace("- ", indent + "- ")) == 4
    whole = both(first)
    assert isinstance(whole, list)
    monkeypatch.setattr(document, "_parse_whole", None)
    assert outcome(parse_all, first.encode()) == whole


def test_few_items_are_left_to_the_parser() -> None:
    assert shortened("\n".join(["a:", *lines(FLOW, "", FEWEST - 1)]))[1] == []
    assert shortened("\n".join(["a:", *lines(FLOW, "", FEWEST)]))[1] != []


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    "context",
    [
        "a: |\n{}\nb: c\n",
        "a: >-\n{}\n",
        'a: "x\n{}\n  y"\n',
        "a: 'x\n{}\n  y'\n",
        "a: x\n{}\n",
        "a: [x,\n{}\n]\n",
        "? k\n: v\n? x\n{}\n: y\n",
        "? \n{}\n: y\n",
        "a:\n  - |\n{}\n",
        "a:\n{}\n   more\n",
        "a:\n{}\n  # why\n  more: x\n",
        "a:\n{} # why\nb: c\n",
        "a:\n{}: x\n",
        "a:\n{}\n...\n---\nb:\n{}\n",
        "a: &x\n{}\nb: *x\nc: [*x, *x]\n",
        "a: &x\n{}\nb: *y\n",
        "a:\n{}\nb: c\nb: d\n",
        "a:\n{}\nb: 'c\n",
        "\ufeffa:\n{}\n",
        "x: \x85\na:\n{}\n",
        "x: y\ra:\n{}\n",
        "%YAML 1.1\n---\na:\n{}\n",
        "a: !x\n{}\n",
        "a:\n{}\n- \n",
        "a:\n{}\n\t- b\n",
        "a:\n{}\nb: $x\n",
    ],
)
def test_what_stands_around_a_run_means_what_it_always_means(shape: str, context: str) -> None:
    for indent in ("", "  "):
        both(context.replace("{}", "\n".join(lines(shape, indent, 20))))


@pytest.mark.parametrize(
    "odd",
    [
        "- {name: x, name: y}",
        "- {name: null}",
        "- {name: ~}",
        "- {null: x}",
        "- {nullable: x}",
        "- {name: 1.5, size: 0x1F, x: .nan, y: 0o7, z: 1e3}",
        "- {name: true, size: 00012}",
        "- null",
        "- .inf",
        "- ...",
        "- ---",
        "- 1\u0663",
        "- \u0663",
        "- a  b",
        "- a b - c",
        "- a:b",
        "- a#b",
        "- a #b",
        "- @b",
        "- 'q'",
        "- é ü.bin",
        "- \U0001d7d8",
        "- {name: x}, ",
        "- {name: x }",
        "- {name: [x]}",
        "- {}",
        "- {name: x,}",
        "- name: x\n{}  name: y",
        "- name: x\n{}   size: 1",
        "- name: x\n{}  - y",
        "- name: x\n{} size: 1",
        "- name:\n{}    x",
        "- - x",
        "-  x",
        "- x\r",
        "- &a x",
        "- *a",
        "- {name: x, k" + "e" * 40 + ": y}",
        "- " + "9" * 40,
        "- " + "9" * 41,
        "- " + "x" * 2000,
        "- {name: " + "x" * 2000 + "}",
    ],
)
def test_an_odd_item_in_a_run(odd: str) -> None:
    for shape in SHAPES:
        for position in (0, FEWEST + 1, -2, -1):
            items = lines(shape, "  ", 2 * FEWEST + 2)
            items[position] = "  " + odd.replace("{}", "  ")
            both("a:\n" + "\n".join(items) + "\nb: c\n")


pieces = st.one_of(
    st.builds(lines, st.sampled_from(SHAPES), st.sampled_from(["", " ", "  "]), st.integers(1, 3 * FEWEST)),
    st.lists(
        st.sampled_from(
            [
                "a:",
                "  a:",
                "- b:",
                "",
                "# c",
                "  x",
                "- |",
                "  - >",
                "k: v",
                "[",
                "]",
                '"',
                "'",
                "---",
                "- &a x",
                "- *a",
            ]
        ),
        max_size=2,
    ),
)


@settings(max_examples=200)
@given(st.lists(pieces, min_size=1, max_size=6), st.sampled_from(["\n", "\n", "\r\n"]))
@example([["a:"], lines(TEXT, "", 20), lines(BLOCK, "", 20), lines(FLOW, "", 20)], "\n")
def test_a_text_means_the_same_with_and_without_its_runs(parts: list[list[str]], end: str) -> None:
    both(end.join(["r: 1", *(line for part in parts for line in part), ""]))


def test_every_letter_may_be_in_a_run() -> None:
    letters = re.findall(r"\w", "".join(map(chr, range(0x110000))))
    rows = [f"- x{''.join(letters[at : at + 999])}" for at in range(0, len(letters), 999)]
    text = "\n".join(["a:", *rows, ""])
    assert len(shortened(text)[1]) == 1
    assert isinstance(both(text), list)
