"""Manifests as people write them: comments, blank lines, anchors, odd quoting, any order of keys."""

from __future__ import annotations

from hypothesis import strategies as st

NAMES = [f"m{number}.bin" for number in range(6)] + ["org/m 1.gguf", "it's.bin", "é.bin", "yes.bin", "#x.bin"]
GLOBS = ["old_*", "**/*-x.*", "v[0-9].bin", "q?.bin"]
BLANKS = ["", "", "", "\n", "# a comment\n", "    # shifted\n", "\n# two\n\n\n# three\n"]


@st.composite
def manifests(draw: st.DrawFn) -> str:
    """The text of a valid manifest."""
    step = draw(st.sampled_from([1, 2, 4]))
    gap = lambda: draw(st.sampled_from(BLANKS))  # noqa: E731
    tail = lambda: draw(st.sampled_from(["", "", "  # why", " "]))  # noqa: E731
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=6))
    globs = draw(st.lists(st.sampled_from(GLOBS), unique=True, max_size=3))
    indent = " " * step
    inner = indent + " " * draw(st.sampled_from([0, 2, 3]))
    folded = f">-\n{indent * 2}a\n\n{indent * 2}b"
    sections = [
        _section(draw, gap, tail, indent, inner, "allow", [_rule(draw, name, "name", inner) for name in names]),
        _section(draw, gap, tail, indent, inner, "deny", [_rule(draw, glob, "match", inner) for glob in globs]),
        f"{indent}limits:{tail()}\n{gap()}{indent * 2}minKeep: 2{tail()}\n{indent * 2}maxDeletions: 3\n",
        f"{indent}modelPath: {draw(st.sampled_from(['models', '/srv/m', '&p x/y', folded]))}\n",
    ]
    kept = draw(st.permutations(sections))[: draw(st.integers(1, 4))]
    spec = "spec:" + tail() + "\n" + "".join(gap() + section for section in kept)
    tops = ["apiVersion: ocr-reconcile/v1\n", "kind:  ModelSet\n", f"metadata:\n{indent}name: 'x'{tail()}\n", spec]
    text = "# the head\n\n" + "".join(gap() + top for top in draw(st.permutations(tops))) + gap()
    return draw(st.sampled_from(["", "---\n"])) + text


def _section(draw, gap, tail, indent, inner, key, rules):
    if not rules:
        return f"{indent}{key}: []{tail()}\n"
    if draw(st.integers(0, 3)) == 0:
        return f"{indent}{key}: [{', '.join(flow for _, flow in rules)}]{tail()}\n"
    anchor = draw(st.sampled_from(["", "", f" &{key}"]))
    return f"{indent}{key}:{anchor}{tail()}\n" + "".join(
        f"{gap()}{inner}-{' ' * draw(st.sampled_from([1, 3]))}{text}{'' if chr(10) in text else tail()}\n"
        if "\n" not in text
        else f"{gap()}{inner}- {text}\n"
        for text, _ in rules
    )


def _rule(draw, text, key, inner):
    """The rule in block style (its first line without the dash) and in flow style."""
    quoted = "'" + text.replace("'", "''") + "'"
    double = f'"{text}"'
    written = draw(
        st.sampled_from(
            [quoted, double] + ([text] if text.isascii() and text[0] not in "#*" and "[" not in text else [])
        )
    )
    flow_written = quoted
    if "[" in text or draw(st.booleans()):
        reason = draw(st.sampled_from(["why", "'it''s'", '"a\\tb"']))
        more = f"\n{inner}  # inside\n{inner}  reason: {reason}  # end" if draw(st.booleans()) else ""
        return f"{key}: {written}{more}", f"{{{key}: {flow_written}, reason: {reason}}}"
    return draw(st.sampled_from([written, f"&a{abs(hash(text)) % 10**6} {quoted}"])), flow_written
