from __future__ import annotations

import re
import textwrap

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from wcmatch import glob as wcglob

from reconciler.manifest.loader import Manifest, parse_manifest
from reconciler.manifest.match import Candidates, Effect, GlobError, Rulebook, _Section, is_exact, translate
from reconciler.manifest.schema import DenyRule

ORACLE = wcglob.GLOBSTAR | wcglob.DOTGLOB | wcglob.CASE | wcglob.FORCEUNIX


def matches(glob: str, name: str) -> bool:
    return re.compile(translate(glob), re.DOTALL).fullmatch(name) is not None


def manifest(spec: str) -> Manifest:
    head = "apiVersion: ocr-reconcile/v1\nkind: ModelSet\nmetadata: {name: test}\nspec:\n"
    return parse_manifest(
        (head + textwrap.indent(textwrap.dedent(spec), "  ")).encode("utf-8", "surrogateescape"), "m.yaml"
    )


@pytest.mark.parametrize(
    ("glob", "name", "expected"),
    [
        ("*.bin", "en.bin", True),
        ("*.bin", "org/en.bin", False),
        ("*.bin", ".bin", True),
        ("*.bin", "EN.BIN", False),
        ("**/*.bin", "en.bin", True),
        ("**/*.bin", "a/b/en.bin", True),
        ("**", "a/b", True),
        ("a/**", "a/b/c", True),
        ("a/**/b", "a/b", True),
        ("a/**/b", "a/x/y/b", True),
        ("a**b", "a/b", False),
        ("a**b", "axb", True),
        ("en_?.bin", "en_1.bin", True),
        ("en?1.bin", "en/1.bin", False),
        ("v[0-9].bin", "v7.bin", True),
        ("v[!0-9].bin", "v7.bin", False),
        ("a[!x]b", "a/b", False),
        ("a[+-9]b", "a/b", False),
        ("[]]x", "]x", True),
        ("[!]]x", "]x", False),
        ("[a-]", "-", True),
        ("[-a]", "-", True),
        ("[[]x", "[x", True),
        ("[*]", "*", True),
        ("[^a]", "^", True),
        ("[a&&b]", "&", True),
        ("a.b", "axb", False),
        ("{a,b}", "a", False),
        ("{a,b}", "{a,b}", True),
        (r"a\*b", r"a\xb", True),
        ("~", "~", True),
        ("*", "a\nb", True),
        ("?", "\n", True),
        ("a", "a\n", False),
        ("*.bin", "\udcff.bin", True),
        ("?.bin", "\udcff.bin", True),
        ("[é]", "é", True),
    ],
)
def test_glob(glob: str, name: str, expected: bool) -> None:
    assert matches(glob, name) is expected


@pytest.mark.parametrize(
    ("glob", "message"),
    [
        ("", "empty"),
        ("a[b", "not closed"),
        ("[a/b]", "not closed"),
        ("[]", "not closed"),
        ("[!]", "not closed"),
        ("[z-a]", "backwards"),
        ("[[:alpha:]]", "POSIX class"),
    ],
)
def test_what_is_not_a_glob(glob: str, message: str) -> None:
    with pytest.raises(GlobError, match=message):
        translate(glob)


names = st.lists(st.text("ab.-1é]", min_size=1, max_size=4), min_size=1, max_size=3).map("/".join)
pieces = st.sampled_from(["*", "?", "[ab]", "[!a]", "[0-9]", "[]a]", "[!]a]", "[a-]", "a", "b", ".", "1", "é", "-"])
parts = st.one_of(st.just("**"), st.lists(pieces, min_size=1, max_size=5).map("".join))
globs = st.lists(parts, min_size=1, max_size=4).map("/".join)


@given(glob=globs, name=names)
@example(glob="a/**", name="a")
@example(glob="**/a/**", name="a/b")
@example(glob="*a*b", name="aab")
@example(glob="*a*ab*b", name="aabab")
def test_agrees_with_wcmatch(glob: str, name: str) -> None:
    assume(not {".", ".."} & {*name.split("/"), *glob.split("/")})
    assert matches(glob, name) == wcglob.globmatch(name, glob, flags=ORACLE)


@given(glob=st.text(st.sampled_from("*?[]!-/ab\\^&|~.{}()\n\udcff"), max_size=12), name=st.text(max_size=6))
def test_whatever_translates_compiles_and_a_text_matches_itself(glob: str, name: str) -> None:
    try:
        pattern = re.compile(translate(glob), re.DOTALL)
    except GlobError:
        return
    pattern.fullmatch(name)
    if is_exact(glob):
        assert pattern.fullmatch(glob)


@given(name=names, globs=st.lists(globs, min_size=1, max_size=4))
def test_candidates_are_what_any_glob_matches(name: str, globs: list[str]) -> None:
    globs = [*globs, "**/*.bin"]
    candidates = Candidates(globs)
    assert candidates(name) == any(matches(glob, name) for glob in globs)
    assert candidates.others([name]) == ([] if candidates(name) else [name])
    assert candidates(name + ".bin")


anywhere = st.lists(pieces, min_size=1, max_size=5).map(lambda part: "**/" + "".join(part))


@given(name=names, globs=st.lists(st.one_of(anywhere, globs), min_size=1, max_size=4))
@example(name="a/b", globs=["**/a/b", "**/b"])
@example(name="a/b", globs=["**/a", "**/b"])
@example(name="a", globs=["**/**"])
def test_the_first_glob_that_matches_counts(name: str, globs: list[str]) -> None:
    found = [index for index, glob in enumerate(globs) if matches(glob, name)]
    section = _Section([DenyRule(match=glob) for glob in globs])
    exact = [index for index, glob in enumerate(globs) if is_exact(glob) and glob == name]
    assert section.first(name) == min([*found, *exact], default=None)


@given(name=names, globs=st.lists(anywhere, min_size=1, max_size=4))
def test_the_first_glob_of_any_directory_that_matches_counts(name: str, globs: list[str]) -> None:
    found = [index for index, glob in enumerate(globs) if matches(glob, name)]
    assert _Section([DenyRule(match=glob) for glob in globs]).first(name) == min(found, default=None)


def test_many_stars_do_not_backtrack() -> None:
    assert not matches("*a" * 40 + "b", "a" * 250)
    assert not matches("**/" * 10 + "x", "a/" * 100 + "y")


RULES = """\
allow:
  - en.bin
  - {match: "en*.bin", reason: English}
  - fr.bin
  - {match: fr.bin.bin}
  - {name: "odd[1]*.bin"}
deny:
  - "old_*"
  - {match: "*_bad.bin", reason: broken}
protect:
  - "keep/*"
  - {name: old_keep.bin}
"""


@pytest.mark.parametrize(
    ("name", "effect", "index", "reason"),
    [
        ("en.bin", Effect.ALLOW, 0, 'allowed by allow[0] (name "en.bin")'),
        ("en2.bin", Effect.ALLOW, 1, 'allowed by allow[1] (match "en*.bin"): English'),
        ("fr.bin", Effect.ALLOW, 2, 'allowed by allow[2] (name "fr.bin")'),
        ("fr.bin.bin", Effect.ALLOW, 3, 'allowed by allow[3] (match "fr.bin.bin")'),
        ("odd[1]*.bin", Effect.ALLOW, 4, 'allowed by allow[4] (name "odd[1]*.bin")'),
        ("odd1x.bin", Effect.NONE, -1, "no rule allows it"),
        ("old_x.bin", Effect.DENY, 0, 'denied by deny[0] (match "old_*")'),
        ("en_bad.bin", Effect.DENY, 1, 'denied by deny[1] (match "*_bad.bin"): broken'),
        ("keep/en_bad.bin", Effect.PROTECT, 0, 'protected by protect[0] (match "keep/*")'),
        ("old_keep.bin", Effect.PROTECT, 1, 'protected by protect[1] (name "old_keep.bin")'),
        ("EN.bin", Effect.NONE, -1, "no rule allows it"),
    ],
)
def test_ruling(name: str, effect: Effect, index: int, reason: str) -> None:
    ruling = Rulebook(manifest(RULES)).ruling(name)
    assert (ruling.effect, ruling.number, ruling.reason) == (effect, index, reason)
    assert ruling.section == ("" if effect is Effect.NONE else effect.value)


def test_a_ruling_points_at_its_rule() -> None:
    rulebook = Rulebook(manifest(RULES))
    assert str(rulebook.ruling("en2.bin").place) == "m.yaml:7:7"
    assert str(rulebook.ruling("old_x.bin").place) == "m.yaml:12:7"
    assert rulebook.ruling("nothing.bin").place is None


def test_in_a_section_the_first_rule_wins_whether_exact_or_glob() -> None:
    book = Rulebook(
        manifest('allow:\n  - {match: "*.bin"}\n  - a.bin\n  - {match: "b*"}\n  - c.gguf\n  - {match: "c*"}\n')
    )
    assert [book.ruling(name).number for name in ("a.bin", "b.bin", "b.gguf", "c.gguf")] == [0, 0, 2, 3]


def test_exact_and_glob_allows() -> None:
    rulebook = Rulebook(manifest(RULES))
    assert rulebook.exact_allows == {"en.bin": 0, "fr.bin": 2, "fr.bin.bin": 3, "odd[1]*.bin": 4}
    assert rulebook.glob_allows == [(1, "en*.bin")]
    assert rulebook.allow_rule(1).reason == "English"


def test_default_candidates() -> None:
    is_candidate = Rulebook(manifest("allow: []")).is_candidate
    for name in (
        "en_ocr_v1.bin",
        "o_r/m.gguf",
        "deu.traineddata",
        "m.onnx",
        "latin.ocr",
        "LATIN.OCR",
        ".hidden.pt",
        "\udcff.pth",
    ):
        assert is_candidate(name), name
    for name in (
        "README.md",
        "LICENSE",
        "m.gguf.part",
        "config.json",
        "notes.txt",
        "bin",
        "m.bin/x",
        ".ocr-reconcile/lock",
    ):
        assert not is_candidate(name), name


@given(names=st.lists(names, unique=True, max_size=8), allowed=st.sets(names, max_size=4))
def test_exact_rules_allow_exactly_their_names(names: list[str], allowed: set[str]) -> None:
    allowed = {name + ".bin" for name in allowed if name.count("/") < 2 and not {".", ".."} & set(name.split("/"))}
    lines = "".join(f"  - name: '{name}'\n" for name in sorted(allowed))
    rulebook = Rulebook(manifest(f"allow:\n{lines}" if lines else "allow: []"))
    for name in names:
        assert (rulebook.ruling(name + ".bin").effect is Effect.ALLOW) == (name + ".bin" in allowed)
