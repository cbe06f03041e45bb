from __future__ import annotations

import gc
import os
import re
import socket
import textwrap
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reconciler.errors import Issue, ManifestError, Place
from reconciler.facts import digest_of
from reconciler.manifest.document import parse, resolve
from reconciler.manifest.loader import EngineHint, load_manifest, parse_manifest, peek, read_document, validate_document
from reconciler.manifest.reading import MAX_BYTES

ROOT = Path(__file__).parents[2]
HEAD = "apiVersion: ocr-reconcile/v1\nkind: ModelSet\nmetadata: {name: test}\n"


def whole(spec: str) -> bytes:
    """A manifest whose `spec:` is in line 4."""
    return (HEAD + "spec:\n" + textwrap.indent(textwrap.dedent(spec), "  ")).encode()


def faults(data: bytes) -> list[str]:
    with pytest.raises(ManifestError) as caught:
        parse_manifest(data, "m.yaml")
    return [str(issue) for issue in caught.value.issues]


def shipped() -> list[tuple[str, bytes]]:
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/manifest.md").read_text(), re.DOTALL)
    files = [(path.name, path.read_bytes()) for path in sorted((ROOT / "manifests").glob("*.yaml"))]
    return files + [(f"docs-{number}", as_manifest(block)) for number, block in enumerate(blocks)]


def as_manifest(block: str) -> bytes:
    """A block of the reference, which leaves out the head that all manifests share."""
    if block.startswith("apiVersion"):
        return block.encode()
    return (
        (HEAD + ("" if "spec:" in block else "spec: {}\n") + block).encode()
        if "metadata" not in block
        else ("apiVersion: ocr-reconcile/v1\nkind: ModelSet\nspec: {}\n" + block).encode()
    )


@pytest.mark.parametrize(("name", "data"), shipped(), ids=lambda value: value if isinstance(value, str) else "")
def test_everything_we_ship_loads(name: str, data: bytes) -> None:
    assert parse_manifest(data, name).metadata.name


def test_the_reference_names_every_key() -> None:
    from reconciler.manifest import schema

    reference = (ROOT / "docs/manifest.md").read_text()
    parts = [part for part in vars(schema).values() if isinstance(part, type) and issubclass(part, schema.Part)]
    keys = {field.alias or name for part in parts for name, field in part.model_fields.items()}
    assert {key for key in keys if f"`{key}`" not in reference} == set()
    assert all(field.description for part in parts for field in part.model_fields.values())
    assert all(glob.removeprefix("**/*") in reference for glob in schema.DEFAULT_INCLUDE)


def test_a_manifest(tmp_path: Path) -> None:
    file = tmp_path / "models.yaml"
    file.write_bytes(
        whole(
            """\
            modelPath: ../models
            engine: {python: venv/bin/python, timeout: 2m}
            discovery: [directory]
            allow:
              - en.bin
              - name: fr.bin
                sha256: %s
                size: 12
                required: true
              - {match: "org_*/*.gguf", reason: big}
            deny: ["old_*"]
            protect: [{name: keep.bin}]
            limits: {maxDeletions: 3, maxDeletePercent: 12.5, maxDeleteBytes: 20GiB, minKeep: 2}
            """
            % ("AB" * 32)
        )
    )
    manifest = load_manifest(file)
    spec = manifest.spec
    assert manifest.file == str(file)
    assert manifest.digest == digest_of(file.read_bytes())
    assert manifest.model_path == f"{tmp_path}/../models"
    assert manifest.engine_python == f"{tmp_path}/venv/bin/python"
    assert (spec.engine.timeout, spec.discovery) == (120.0, ("directory",))
    assert [(rule.name, rule.match, rule.size, rule.required, rule.reason) for rule in spec.allow] == [
        ("en.bin", None, None, False, ""),
        ("fr.bin", None, 12, True, ""),
        (None, "org_*/*.gguf", None, False, "big"),
    ]
    assert spec.allow[1].sha256 == "ab" * 32
    assert [rule.match for rule in spec.deny] == ["old_*"]
    assert [rule.name for rule in spec.protect] == ["keep.bin"]
    limits = spec.limits
    assert (limits.max_deletions, limits.max_delete_percent, limits.max_delete_bytes, limits.min_keep) == (
        3,
        12.5,
        20 * 2**30,
        2,
    )
    assert manifest.rule_place("allow", 0) == Place(str(file), 9, 7)
    assert manifest.rule_place("allow", 2).line == 14
    assert manifest.rule_place("deny", 0) == Place(str(file), 15, 10)
    assert manifest.rule_place("protect", 0) == Place(str(file), 16, 13)


def test_defaults() -> None:
    manifest = parse_manifest(HEAD.encode() + b"spec: {}\n", "m.yaml")
    limits = manifest.spec.limits
    assert (manifest.model_path, manifest.engine_python, manifest.spec.engine.timeout) == (None, None, 60.0)
    assert manifest.spec.discovery == ("engine", "directory")
    assert (limits.max_deletions, limits.max_delete_percent, limits.max_delete_bytes, limits.min_keep) == (
        None,
        30.0,
        None,
        1,
    )


def test_paths_are_relative_to_the_manifest_and_tilde_is_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    manifest = parse_manifest(whole("modelPath: ~/models\nengine: {python: python3.11}\n"), "sub/m.yaml")
    assert manifest.model_path == f"{tmp_path}/sub/~/models"
    assert manifest.engine_python == "python3.11"
    assert parse_manifest(whole("modelPath: /srv/models\n"), "sub/m.yaml").model_path == "/srv/models"


# Each: a spec, and the beginning of every issue that it must give, in order.
FAULTS = {
    "near misses": (
        "modelpath: x\nlimits: {max_deletions: 3}\nalow: []\nmaxDeletions: 1\n",
        [
            "m.yaml:5:3: `spec.modelpath`: no such key; did you mean `modelPath`?",
            "m.yaml:6:12: `spec.limits.max_deletions`: no such key; did you mean `maxDeletions`?",
            "m.yaml:7:3: `spec.alow`: no such key; did you mean `allow`?",
            "m.yaml:8:3: `spec.maxDeletions`: no such key; did you mean `maxDeletions` under `spec.limits`?",
        ],
    ),
    "far misses": (
        "zzz: 1\nengine: {zzz: 1}\n",
        ["m.yaml:5:3: `spec.zzz`: no such key; remove it; the keys here are", "m.yaml:6:12: "],
    ),
    "choices": (
        "discovery: [engin, 3]\n",
        [
            "m.yaml:5:15: `spec.discovery[0]`: expected `engine` or `directory`, found `engin`; did you mean `engine`?",
            "m.yaml:5:22: ",
        ],
    ),
    "choice twice": ("discovery: [engine, engine]\n", ["m.yaml:5:23: `engine` a second time"]),
    "no choice": ("discovery: []\n", ["m.yaml:5:14: `spec.discovery`: an empty list"]),
    "keys twice": (
        "allow: [a.bin]\nallow: [b.bin]\n",
        ["m.yaml:6:3: the key `allow` a second time, first in line 5; leave one"],
    ),
    "a text for a list": ("allow: a.bin\n", ["m.yaml:5:10: `spec.allow`: expected a list, found a text; "]),
    "a list for a mapping": ("limits: [1]\n", ["m.yaml:5:11: `spec.limits`: expected a mapping, found a list; "]),
    "a number for a text": (
        "modelPath: 7\n",
        ["m.yaml:5:14: `spec.modelPath`: expected a text, found a whole number; put it in quotes"],
    ),
    "a number for a rule": ("allow: [7]\n", ["m.yaml:5:11: `spec.allow[0]`: expected a mapping, found a whole number"]),
    "yes": (
        "allow: [{name: a.bin, required: yes}]\n",
        ["m.yaml:5:35: `spec.allow[0].required`: expected true or false, found a text; write true"],
    ),
    "quoted number": (
        'limits: {minKeep: "1"}\n',
        ["m.yaml:5:21: `spec.limits.minKeep`: expected a whole number, found a text; "],
    ),
    "fraction": (
        "limits: {minKeep: 1.0}\n",
        ["m.yaml:5:21: `spec.limits.minKeep`: expected a whole number, found a number; "],
    ),
    "empty values": ("allow:\ndeny:\n  -\n", ["m.yaml:5:9: no value; write one", "m.yaml:7:6: no value; "]),
    "empty texts": (
        'allow: [""]\nmodelPath: ""\n',
        ["m.yaml:5:11: `spec.allow[0].name`: an empty text", "m.yaml:6:14: "],
    ),
    "neither": ("allow: [{reason: x}]\n", ["m.yaml:5:11: `spec.allow[0]`: has neither of `name` and `match`; "]),
    "both": ("deny: [{name: x, match: y}]\n", ["m.yaml:5:10: `spec.deny[0]`: has both of `name` and `match`; "]),
    "sha256": ("allow: [{name: a.bin, sha256: 12ab}]\n", ["m.yaml:5:33: `spec.allow[0].sha256`: not a SHA-256; "]),
    "negative": (
        "allow: [{name: a.bin, size: -1}]\nlimits: {maxDeletions: -2, minKeep: -3}\n",
        [
            "m.yaml:5:31: `spec.allow[0].size`: -1 is out of range; write a number of at least 0",
            "m.yaml:6:26: ",
            "m.yaml:6:39: ",
        ],
    ),
    "percent": (
        "limits: {maxDeletePercent: 101}\n",
        ["m.yaml:5:30: `spec.limits.maxDeletePercent`: 101 is out of range; write a number of at most 100"],
    ),
    "not a number": (
        "limits: {maxDeletePercent: .nan}\n",
        ["m.yaml:5:30: `spec.limits.maxDeletePercent`: not a finite number"],
    ),
    "amounts": (
        "limits: {maxDeleteBytes: 20Gx}\nengine: {timeout: .inf}\n",
        [
            "m.yaml:5:28: `spec.limits.maxDeleteBytes`: unknown unit `Gx`; write it like 20GiB",
            "m.yaml:6:21: `spec.engine.timeout`: not an amount; write it like 60s",
        ],
    ),
    "no time": (
        "engine: {timeout: 0s}\n",
        ["m.yaml:5:21: `spec.engine.timeout`: 0s is out of range; write a number of more than 0"],
    ),
    "amount of nothing": (
        "engine: {timeout: [1]}\n",
        ["m.yaml:5:21: `spec.engine.timeout`: expected an amount, found a list; "],
    ),
    "denied and allowed": (
        "allow: [a.bin, {match: b.bin}]\ndeny: [a.bin, b.bin]\n",
        ["m.yaml:5:11: `a.bin` is in `allow`, but also in `deny` (line 6), which wins", "m.yaml:5:18: `b.bin`"],
    ),
    "protected and denied": (
        'deny: ["x*"]\nprotect: ["x*"]\n',
        ["m.yaml:5:10: `x*` is in `deny`, but also in `protect` (line 6), which wins"],
    ),
    "twice": (
        "allow: [a.bin, {name: a.bin, required: false}]\n",
        ["m.yaml:5:18: `a.bin` a second time in `allow`, first in line 5; leave one of them"],
    ),
    "twice, otherwise": (
        "allow:\n  - {name: a.bin, size: 1}\n  - {name: a.bin, size: 2}\n",
        ["m.yaml:7:7: `a.bin` a second time in `allow`, first in line 6, and they demand different things"],
    ),
    "glob twice": ('allow: [{match: "*.bin"}, {match: "*.bin"}]\n', ["m.yaml:5:29: `*.bin` a second time"]),
    "absolute": ("allow: [/a.bin]\n", ["m.yaml:5:11: `/a.bin` can never be a model: it is an absolute path"]),
    "upwards": (
        "allow: [../a.bin]\n",
        ["m.yaml:5:11: `../a.bin` can never be a model: it has an empty, `.` or `..` part"],
    ),
    "deep": ("allow: [a/b/c.bin]\n", ["m.yaml:5:11: `a/b/c.bin` can never be a model: it is deeper"]),
    "directory": ("allow: [a.bin/]\n", ["m.yaml:5:11: `a.bin/` can never be a model: it ends with a slash"]),
    "state": (
        "allow: [.ocr-reconcile/a.bin]\n",
        ["m.yaml:5:11: `.ocr-reconcile/a.bin` can never be a model: `.ocr-reconcile` holds"],
    ),
    "nul": ('allow: ["a\\0.bin"]\n', ["m.yaml:5:11: `a\0.bin` can never be a model: it contains a NUL"]),
    "long": (f"allow: [{'é' * 128}.bin]\n", ["m.yaml:5:11: "]),
    "impossible glob": (
        'deny: ["/x/*", "a/b/*.bin"]\n',
        [
            "m.yaml:5:10: `/x/*` can never match a model: it is an absolute path",
            "m.yaml:5:18: `a/b/*.bin` can never match a model: it asks",
        ],
    ),
    "broken glob": (
        'deny: [{match: "[a"}]\nmodels: {include: ["", "[b", "*.bin"]}\n',
        [
            "m.yaml:5:10: `[a` is not a glob: a `[` is not closed",
            "m.yaml:6:22: `spec.models.include[0]`: an empty text",
            "m.yaml:6:26: `[b` is not a glob",
        ],
    ),
    "not included": (
        "models: {include: ['*.onnx']}\nallow: [a.onnx, b.bin]\n",
        ["m.yaml:6:19: `b.bin` is not a model, because nothing in `models.include` matches it"],
    ),
    "not included by default": ("allow: [notes.txt]\n", ["m.yaml:5:11: `notes.txt` is not a model"]),
    "nothing included": ("models: {include: []}\n", ["m.yaml:5:21: `spec.models.include`: an empty list"]),
    "a glob for a name": (
        'allow: ["*.bin"]\n',
        ['m.yaml:5:11: `*.bin` is taken as an exact name here, not as a glob; write `match: "*.bin"`'],
    ),
    "a name or a glob": ('protect: ["a[1].bin"]\n', ["m.yaml:5:13: `a[1].bin` can be meant as a name or as a glob; "]),
    "tags": (
        "allow: [!x a.bin]\nmodelPath: !!int x\n",
        ["m.yaml:5:11: the tag `!x` means nothing here", "m.yaml:6:14: "],
    ),
    "merge keys": ("limits: &l {minKeep: 1}\nengine: {<<: *l}\n", ["m.yaml:6:12: merge keys (`<<`)"]),
    "keys that are no texts": (
        "1: x\n? [a]\n: b\nnull: c\n",
        [
            "m.yaml:5:3: a key that is a whole number, not a text; put it in quotes",
            "m.yaml:6:5: a key that is not a plain text",
            "m.yaml:8:3: a key that is nothing",
        ],
    ),
    "schema and meaning at once": (
        "allow: [/a.bin, b.bin, b.bin]\nlimits: 3\n",
        ["m.yaml:5:11: ", "m.yaml:5:26: ", "m.yaml:6:11: "],
    ),
}


@pytest.mark.parametrize(("spec", "expected"), FAULTS.values(), ids=FAULTS)
def test_faults_of_a_spec(spec: str, expected: list[str]) -> None:
    found = faults(whole(spec))
    assert len(found) == len(expected), found
    for issue, beginning in zip(found, expected, strict=True):
        assert issue.startswith(beginning), issue


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "m.yaml: the file is empty"),
        (b"\n# only a comment\n", "m.yaml: the file is empty"),
        (b"- a\n", "m.yaml:1:1: `the manifest`: expected a mapping, found a list"),
        (b"hello", "m.yaml:1:1: `the manifest`: expected a mapping, found a text"),
        (b"a: 1\n---\nb: 2\n", "m.yaml:2:1: a second document in one file"),
        (b"a: b: c\n", "m.yaml:1:5: not YAML: "),
        (b"a: [\n", "m.yaml:2:1: not YAML: "),
        (b"a:\n\tb: 1\n", "m.yaml:2:1: not YAML: "),
        (b"a: \0\n", "m.yaml:1:4: a NUL byte"),
        (b"a: 1\nb: \xc3\xa9\xff\n", "m.yaml:2:5: byte 0xff is not UTF-8"),
        ("a: é\x01".encode(), "m.yaml:1:5: control characters"),
        ("a: 1".encode("utf-16"), "m.yaml:1:1: the file is in UTF-16"),
        ("a: 1".encode("utf-16-be"), "m.yaml:1:1: a NUL byte"),
        (b"a: *b\n", "m.yaml:1:4: the alias `*b` has no anchor"),
        (b"a: &b [*b]\n", "m.yaml:1:8: the alias `*b` stands inside its own anchor"),
        (b"[" * 101, "m.yaml:1:101: nested deeper than 100"),
        (b"%YAML 3.0\n---\na: 1\n", "m.yaml:1:1: not YAML: "),
        (b'a: "\\ud800"\n', "m.yaml:1:7: not YAML: "),
    ],
)
def test_what_is_no_manifest_at_all(data: bytes, expected: str) -> None:
    (found,) = faults(data)
    assert found.startswith(expected)


def test_an_alias_bomb_is_refused_before_it_goes_off() -> None:
    lines = ["a: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"b{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
    (found,) = faults("\n".join(lines).encode())
    assert "aliases stand for more than 100000 values" in found


def test_anchors_and_aliases_mean_what_they_stand_for() -> None:
    spec = parse_manifest(whole("allow: &rules [a.bin, &b b.bin]\nprotect: [*b]\nmodelPath: *b\n"), "m.yaml").spec
    assert (spec.protect[0].match, spec.model_path) == ("b.bin", "b.bin")


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm() -> None:
    manifest = parse_manifest(b"\xef\xbb\xbf" + whole("allow:\n  - a.bin\n").replace(b"\n", b"\r\n"), "m.yaml")
    assert manifest.spec.allow[0].name == "a.bin"
    assert manifest.rule_place("allow", 0) == Place("m.yaml", 6, 7)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("True", True),
        ("tRUE", "tRUE"),
        ("~", None),
        ("", None),
        ("0o17", 15),
        ("017", 17),
        ("0x1F", 31),
        ("+1", 1),
        ("1_000", "1_000"),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("1.", 1.0),
        ("-.inf", float("-inf")),
        ("1:30", "1:30"),
        ("2026-01-01", "2026-01-01"),
        ("0x", "0x"),
        (".", "."),
        ("-", "-"),
        ("9" * 64, "9" * 64),
    ],
)
def test_core_schema(text: str, value: object) -> None:
    assert resolve(text) == value
    assert type(resolve(text)) is type(value)


def test_unreadable_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "loop").symlink_to("loop")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
    big = tmp_path / "big"
    big.touch()
    os.truncate(big, MAX_BYTES + 1)
    for name, words in {
        "missing": "no such file",
        ".": "is a directory",
        "fifo": "is not a regular file",
        "loop": "cannot be read",
        "socket": "cannot be read",
        "big": "larger than 16 MiB",
        "nul\0": "cannot be read",
        "x" * 300: "cannot be read",
    }.items():
        with pytest.raises(ManifestError, match=words) as caught:
            load_manifest(tmp_path / name)
        assert str(caught.value).startswith(f"{tmp_path / name}: ")
        assert caught.value.issues[0].remedy


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    file = tmp_path / "m.yaml"
    file.touch(mode=0o000)
    with pytest.raises(ManifestError, match="may not be read"):
        load_manifest(file)


def test_peek_says_what_validation_says() -> None:
    data = whole("modelPath: models\nengine: {python: ./bin/python, timeout: 90s}\ndiscovery: [engine]\n")
    document = parse(data, "/srv/m.yaml")
    hint, manifest = peek(document), validate_document(document)
    assert hint == EngineHint(
        manifest.engine_python, manifest.spec.engine.timeout, manifest.spec.discovery, manifest.model_path
    )
    assert hint == EngineHint("/srv/./bin/python", 90.0, ("engine",), "/srv/models")


@pytest.mark.parametrize(
    "spec",
    [
        "engine: 3\n",
        "engine: {timeout: x}\n",
        "engine: {timeout: 0}\n",
        "engine: {python: [x]}\n",
        "modelPath: ''\n",
        "discovery: [disk]\n",
        "discovery: [[]]\n",
        "discovery: []\n",
        "discovery: engine\n",
        "discovery: {engine: x}\n",
        "modelPath: x\nmodelPath: y\n",
    ],
)
def test_peek_says_nothing_about_what_is_not_plainly_valid(spec: str) -> None:
    assert peek(parse(whole(spec), "m.yaml")) is None


@pytest.mark.parametrize("data", [b"[]", b"spec: 3", b"a: 1", b"spec:\n"])
def test_peek_at_what_is_no_manifest(data: bytes) -> None:
    assert peek(parse(data, "m.yaml")) is None


def test_ten_megabytes_load_and_the_collector_is_left_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "m.yaml"
    file.write_bytes(whole("allow:\n" + "".join(f"  - {'x' * 90}{number:06d}.bin\n" for number in range(100_000))))
    assert gc.isenabled()
    assert len(load_manifest(file).spec.allow) == 100_000
    assert gc.isenabled()
    with pytest.raises(ManifestError):
        read_document(tmp_path / "missing")
    assert gc.isenabled()


VALID = (ROOT / "manifests/production.yaml").read_bytes()


def load_or_explain(data: bytes) -> None:
    """No exception but a ManifestError, and that with what, where and what to do in each issue."""
    issues: tuple[Issue, ...] = ()
    with suppress(ManifestError):
        peek(parse(data, "m.yaml"))
    try:
        parse_manifest(data, "m.yaml")
    except ManifestError as error:
        issues = error.issues or (Issue(Place("nowhere"), "an error without an issue", ""),)
    assert all(issue.what and issue.remedy and issue.place.file == "m.yaml" for issue in issues)


@given(st.binary(max_size=200))
@example(b"\xff")
def test_any_bytes_give_a_manifest_or_faults(data: bytes) -> None:
    load_or_explain(data)


@given(st.text(st.sampled_from("ab:-[]{}&*!|>'\"%@`#?,\n \t0.~<=\\xé\u2028\x85"), max_size=60))
def test_any_text_gives_a_manifest_or_faults(text: str) -> None:
    load_or_explain(text.encode())


tokens = re.findall(rb"[\w.-]+|\s+|[^\w\s]", VALID)
scraps = st.sampled_from(
    [
        b"",
        b"\n",
        b"- ",
        b"[",
        b"{",
        b"}",
        b"&a ",
        b"*a",
        b"!!str ",
        b"!x ",
        b"null",
        b".nan",
        b"1e999",
        b"'",
        b"\xff",
        b"allow",
        b": ",
        b"-1",
        b"true",
        b"9" * 30,
        b"<<",
        b"**",
        b'"\\0"',
    ]
)


@settings(max_examples=300)
@given(st.lists(st.tuples(st.integers(0, len(tokens) - 1), scraps), min_size=1, max_size=4))
def test_a_mutated_manifest_gives_a_manifest_or_faults(changes: list[tuple[int, bytes]]) -> None:
    mutated = list(tokens)
    for index, scrap in changes:
        mutated[index] = scrap
    load_or_explain(b"".join(mutated))


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "match", "spec", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)
keys = st.sampled_from(["modelPath", "engine", "discovery", "models", "allow", "deny", "protect", "limits", "nonsense"])


@settings(max_examples=200)
@given(st.dictionaries(keys, values, max_size=4))
def test_values_of_any_kind_at_any_key_give_a_manifest_or_faults(spec: dict[str, object]) -> None:
    import json

    load_or_explain(HEAD.encode() + b"spec: " + json.dumps(spec).encode())


def test_a_plain_text_is_the_rule_that_it_stands_for() -> None:
    spec = parse_manifest(whole("allow: [a.bin, {name: b.bin}]\ndeny: [x, {match: y}]\n"), "m.yaml").spec
    for plain, written in (spec.allow, spec.deny):
        assert {**plain.model_dump(), "name": None, "match": None} == {
            **written.model_dump(),
            "name": None,
            "match": None,
        }
        assert len(plain.model_fields_set) == 1
        assert plain.model_copy() == plain != written
        with pytest.raises(ValueError, match="frozen"):
            plain.reason = "x"


@pytest.mark.parametrize(
    ("window", "told"),
    [
        ('{kind: deny, schedule: "61 * * * *", duration: 1h}', "not five cron fields"),
        ('{kind: deny, schedule: "0 0 31 2 *", duration: 1h}', "not five cron fields"),
        ('{kind: deny, schedule: "0 0 * * *", duration: 0s}', "out of range"),
        ('{kind: deny, schedule: "0 0 * * *", duration: 1h, timeZone: Europe/Atlantis}', "not a time zone"),
        ('{kind: deny, schedule: "0 0 * * *", duration: 1h, timeZone: ../../etc}', "not a time zone"),
        ('{schedule: "0 0 * * *", duration: 1h}', "is missing"),
    ],
)
def test_windows_that_mean_nothing(window: str, told: str) -> None:
    (fault,) = faults(whole(f"freeze: {{windows: [{window}]}}\n"))
    assert fault.startswith("m.yaml:")
    assert told in fault


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ('{match: "a*", keep: {}}', "write at least one of `latest`, `within` and `atMost`"),
        ('{match: "a*", keep: {latest: 0}}', "at least 1"),
        ('{match: "a*", files: [../x]}', "`../x` cannot be a file beside its model"),
        ('{match: "a*", files: [".."]}', "`..` cannot be a file beside its model"),
        ('{match: "a*", onMismatch: remove}', "`report`"),
    ],
)
def test_rules_that_keep_nothing_sensible(rule: str, told: str) -> None:
    (fault,) = faults(whole(f"allow: [{rule}]\n"))
    assert told in fault
