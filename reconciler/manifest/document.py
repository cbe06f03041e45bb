"""YAML to a plain tree whose every value keeps its line and column. The only file that reads YAML.

The values are those of YAML 1.2's core schema (`yes` and `no` are texts). Read from the C parser's events:
composing nodes first would take several times as long.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
    StreamStartEvent,
)
from ruamel.yaml.reader import ReaderError

from reconciler.errors import Issue, ManifestError, Place
from reconciler.facts import digest_of
from reconciler.manifest.reading import MAX_BYTES
from reconciler.manifest.runs import Run, shortened

MAX_DEPTH = 100
MAX_ALIASED = 100_000
"""How many values aliases may stand for in all: more than anybody repeats, far fewer than an alias bomb."""

MAX_VALUES = 1_000_000
MAX_KEYS = 10_000
"""How many keys a mapping may have: no part of a manifest needs more, and each fault looks through them."""
MAX_FAULTS = 10_000
"""How many faults of one kind are told: nobody reads more, and each costs memory."""

# A place is kept as one number, line times this plus column: a manifest has hundreds of thousands of them.
_LINE = 1 << 25
FILE = 1 << 50
"""The number of the file that a place is in, times this, is part of the packed place too."""

_TAGS = "tag:yaml.org,2002:"
_SCALAR_TAGS: dict[str, type] = {
    "!": str,
    **{_TAGS + tag: kind for tag, kind in (("str", str), ("int", int), ("float", float), ("bool", bool))},
}
_MAYBE_SPECIAL = frozenset(["", *"~nNtTfF+-.0123456789"])
_CONSTANTS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_INFINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_LONGEST_NUMBER = 40

type_names: dict[type, str] = {
    type(None): "nothing",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    list: "a list",
    dict: "a mapping",
}
"""What people call the kinds of values."""


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """One parsed manifest: its tree of dict, list and scalars, and where everything in it stands.

    `files` are those that it was read from: its own, then those that it extends.
    `marks` holds, by the `id` of each container, the packed place of each item: of a list one a value, of a
    mapping two a key, its own and its value's. `issues` are faults that did not keep the rest from being read.
    `start` is where the document begins, `dollars` is whether a `$` may be in any of its texts.
    """

    files: tuple[str, ...]
    digest: str
    root: Any
    root_mark: int
    marks: dict[int, list[int]]
    issues: tuple[Issue, ...]
    start: Place
    dollars: bool

    @property
    def file(self) -> str:
        """The manifest's own file."""
        return self.files[0]

    def place(self, path: tuple[str | int, ...], *, of_key: bool = False) -> Place:
        """Where the value at `path` stands (or its key); of what is not there, where the nearest parent stands."""
        node, mark = self.root, self.root_mark
        for step, part in enumerate(path):
            marks = self.marks.get(id(node), [])
            if isinstance(node, list) and isinstance(part, int) and part < len(node):
                node, mark = node[part], marks[part]
            elif isinstance(node, dict) and part in node:
                last_key = of_key and step == len(path) - 1
                mark = marks[2 * list(node).index(part) + (0 if last_key else 1)]
                node = node[part]
            else:
                break
        return unpack(self.files, mark)

    def value(self, path: tuple[str | int, ...]) -> Any:
        """The value at `path`; None if there is none."""
        node = self.root
        for part in path:
            try:
                node = node[part]
            except (LookupError, TypeError):
                return None
        return node


def unpack(files: Sequence[str], mark: int) -> Place:
    """The place of a packed mark."""
    file, mark = divmod(mark, FILE)
    line, column = divmod(mark, _LINE)
    # The constructor that a named tuple generates is a Python function, called here for every rule there is.
    return tuple.__new__(Place, (files[file], line + 1, column + 1))


def parse(data: bytes, file: str) -> Document:
    """Parse the bytes of `file`; ManifestError where they are not one YAML document."""
    first, *others = parse_all(data, file)
    if others:
        what = "a second document in one file"
        issue = Issue(
            others[0].start, what, "put it into a file of its own; only validate, fmt and render read several"
        )
        raise ManifestError((*first.issues, issue))
    return first


def parse_all(data: bytes, file: str) -> list[Document]:
    """Parse the bytes of `file`; ManifestError where they are not YAML, or hold no document."""
    text = _decoded(data, file)
    short, runs = shortened(text)
    if runs and not text.startswith("\ufeff"):  # which the parser does not count
        with suppress(_UnexpectedError, YAMLError):  # whatever it is, the whole text shows it in its place
            return _documents(data, file, _Builder(file, short.encode(), runs))
    return _parse_whole(data, file)


def _documents(data: bytes, file: str, builder: _Builder) -> list[Document]:
    digest, documents = digest_of(data), []
    dollars = b"$" in data or b"\\" in data  # `"\x24"` is one too
    with no_garbage_collection():
        for start, root, mark in builder.documents():
            issues, builder.issues = tuple(builder.issues), []
            place = unpack((file,), start)
            documents.append(Document((file,), digest, root, mark, builder.marks, issues, place, dollars))
    return documents


def _parse_whole(data: bytes, file: str) -> list[Document]:
    try:
        return _documents(data, file, _Builder(file, data))
    except ReaderError as error:
        raise _fatal(_byte_place(data, file, error.position), error.reason, "remove the character") from None
    except MarkedYAMLError as error:
        raise _fatal(_mark_place(error, file), f"not YAML: {_problem(error)}", "correct it there or above") from None
    except YAMLError as error:
        raise _fatal(Place(file, 1, 1), f"not YAML: {error}", "correct it") from None


def _fatal(place: Place, what: str, remedy: str) -> ManifestError:
    return ManifestError((Issue(place, what, remedy),))


def _decoded(data: bytes, file: str) -> str:
    if len(data) > MAX_BYTES:
        raise _fatal(Place(file, 1, 1), f"larger than {MAX_BYTES // 1024**2} MiB", "is it a manifest? split it")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _fatal(Place(file, 1, 1), "the file is in UTF-16", "save it as UTF-8")
    if (nul := data.find(b"\0")) >= 0:
        raise _fatal(_byte_place(data, file, nul), "a NUL byte", "remove it; is the file binary, or in UTF-16?")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        what = f"byte 0x{data[error.start]:02x} is not UTF-8"
        raise _fatal(_byte_place(data, file, error.start), what, "save the file as UTF-8") from None


def _byte_place(data: bytes, file: str, offset: int) -> Place:
    before = data[:offset]
    line_start = before.rfind(b"\n") + 1
    return Place(file, before.count(b"\n") + 1, len(before[line_start:].decode(errors="replace")) + 1)


def _mark_place(error: MarkedYAMLError, file: str) -> Place:
    mark = error.problem_mark or error.context_mark
    return Place(file, mark.line + 1, mark.column + 1) if mark else Place(file, 1, 1)


def _problem(error: MarkedYAMLError) -> str:
    return ", ".join(text for text in (error.context, error.problem) if text)


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    """Switch the cycle collector off: a large tree has none to find, and looking takes a third of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class _UnexpectedError(Exception):
    """A text without the inside of its runs is not what it was taken for, or has a fault: read the whole."""


class _Builder:
    """Builds the tree from the parser's events. The recursion is bounded by MAX_DEPTH.

    `runs` are what was taken out of `data`; with them every fault is an _UnexpectedError.
    """

    def __init__(self, file: str, data: bytes, runs: Sequence[Run] = ()) -> None:
        self.marks: dict[int, list[int]] = {}
        self.issues: list[Issue] = []
        self._file = file
        self._events: Iterator[Any] = YAML(typ="safe").parse(data)
        self._next: Callable[[], Any] = self._events.__next__
        self._anchors: dict[str, tuple[Any, int] | None] = {}  # value and how many values; None while being built
        self._depth = 0
        self._values = 0  # so far, with what aliases stand for
        self._aliased = 0
        self._short = bool(runs)
        self._runs = list(reversed(runs))
        self._run_start = runs[0].start if runs else -1
        self._taken_out = 0  # lines before the event that is looked at, packed

    def documents(self) -> Iterator[tuple[int, Any, int]]:
        """The mark, the tree and its mark of each document; ManifestError for what no tree can be built of."""
        while type(event := self._next()) is StreamStartEvent:
            pass
        if type(event) is StreamEndEvent:
            raise _fatal(Place(self._file, 1, 1), "the file is empty", "write a manifest; see docs/manifest.md")
        while type(event) is not StreamEndEvent:
            mark, start = self._mark(event), self._next()
            root_mark = self._mark(start)
            yield mark, self._value(start), root_mark
            self._next()  # the end of the document
            self._anchors.clear()
            event = self._next()
        if self._runs:
            raise _UnexpectedError

    def _value(self, event: Any) -> Any:
        kind = type(event)
        if kind is AliasEvent:
            return self._alias(event)
        if event.anchor is None:
            return self._scalar(event) if kind is ScalarEvent else self._container(event)
        before = self._values
        self._anchors[event.anchor] = None
        value = self._scalar(event) if kind is ScalarEvent else self._container(event)
        self._anchors[event.anchor] = value, self._values - before + 1
        return value

    def _scalar(self, event: Any) -> Any:
        text = event.value
        if event.tag is not None:
            return self._tagged(event)
        if text[:1] not in _MAYBE_SPECIAL or not event.implicit[0]:
            return text
        value = resolve(text)
        if value is None:
            self._fault(event, "no value", "write one (`[]` for an empty list), or leave the key out")
        return value

    def _tagged(self, event: Any) -> Any:
        """A scalar with a tag: `!` and `!!str` make it a text, the other core tags must fit what it is anyway."""
        kind = _SCALAR_TAGS.get(event.tag)
        value = event.value if kind is str else resolve(event.value)
        if kind is None or type(value) is not kind:
            self._fault(event, f"the tag `{event.tag}` means nothing here", "leave it out")
        return value

    def _container(self, event: Any) -> Any:
        is_mapping = type(event) is MappingStartEvent
        if event.tag not in (None, "!", _TAGS + ("map" if is_mapping else "seq")):
            self._fault(event, f"the tag `{event.tag}` means nothing here", "leave it out")
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._fatal(event, f"nested deeper than {MAX_DEPTH}", "a manifest needs a handful of levels")
        value = self._mapping() if is_mapping else self._sequence()
        self._depth -= 1
        self._values += len(value)
        if self._values > MAX_VALUES:
            raise self._fatal(event, f"more than {MAX_VALUES:,} values", "is it a manifest? split it")
        return value

    def _sequence(self) -> list[Any]:
        values: list[Any] = []
        marks: list[int] = []
        for event in self._events:
            kind = type(event)
            if kind is SequenceEndEvent:
                break
            start = event.start_mark
            marks.append(start.line * _LINE + start.column + self._taken_out)
            plain = kind is ScalarEvent and event.tag is None and event.anchor is None
            # Long lists of plain texts are common, and calls would cost more than all the rest.
            values.append(text if plain and (text := event.value)[:1] not in _MAYBE_SPECIAL else self._value(event))
            if start.index == self._run_start:
                self._put_back(values, marks)
        self.marks[id(values)] = marks
        return values

    def _put_back(self, values: list[Any], marks: list[int]) -> None:
        """Add the items of a run that were taken out after its first, which is the last of `values`."""
        run = self._runs.pop()
        self._run_start = self._runs[-1].start if self._runs else -1
        first, *items = run.items
        value, _, start = _simple(first, marks[-1], run.joint)
        if value != values[-1]:
            raise _UnexpectedError
        mark = start
        for item in items:
            value, inner, below = _simple(item, mark, run.joint)
            values.append(value)
            marks.append(mark)
            if inner:
                self.marks[id(value)] = inner
                self._values += len(value)
            mark = below
        self._taken_out += mark - start

    def _mapping(self) -> dict[str, Any]:
        values: dict[str, Any] = {}
        marks: list[int] = []
        for event in self._events:
            kind = type(event)
            if kind is MappingEndEvent:
                break
            start = event.start_mark
            mark = start.line * _LINE + start.column + self._taken_out
            plain = kind is ScalarEvent and event.tag is None and event.anchor is None
            key = text if plain and (text := event.value).isalpha() and text not in _CONSTANTS else self._key(event)
            value_event = self._next()
            start = value_event.start_mark
            value_mark = start.line * _LINE + start.column + self._taken_out
            plain = type(value_event) is ScalarEvent and value_event.tag is None and value_event.anchor is None
            value = (
                text if plain and (text := value_event.value)[:1] not in _MAYBE_SPECIAL else self._value(value_event)
            )
            if key is None:
                continue
            if key in values:
                first = unpack((self._file,), marks[2 * list(values).index(key)])
                self._fault(event, f"the key `{key}` a second time, first in line {first.line}", "leave one of them")
                continue
            if len(values) == MAX_KEYS:
                raise self._fatal(event, f"more than {MAX_KEYS:,} keys in one mapping", "is it a manifest?")
            values[key] = value
            marks += mark, value_mark
        self.marks[id(values)] = marks
        return values

    def _key(self, event: Any) -> str | None:
        """The text of a key; None, and a fault, for what cannot be one."""
        if type(event) is not ScalarEvent:
            self._value(event)
            self._fault(event, "a key that is not a plain text", "write the key as a text")
            return None
        if event.value == "<<" and event.implicit[0]:
            self._fault(event, "merge keys (`<<`) are not part of YAML 1.2", "write the keys out")
            return None
        issues = len(self.issues)
        key = self._value(event)
        if isinstance(key, str):
            return key
        del self.issues[issues:]
        self._fault(event, f"a key that is {type_names[type(key)]}, not a text", f'put it in quotes: "{event.value}"')
        return None

    def _alias(self, event: Any) -> Any:
        anchored = self._anchors.get(event.anchor)
        if anchored is None:
            inside = event.anchor in self._anchors
            what = f"the alias `*{event.anchor}` " + ("stands inside its own anchor" if inside else "has no anchor")
            raise self._fatal(
                event, what, "write the value out" if inside else f"mark the value with `&{event.anchor}`"
            )
        value, size = anchored
        self._values += size
        self._aliased += size
        if self._aliased > MAX_ALIASED:
            raise self._fatal(event, f"aliases stand for more than {MAX_ALIASED} values", "write what is meant out")
        return value

    def _fault(self, event: Any, what: str, remedy: str) -> None:
        if len(self.issues) == MAX_FAULTS:
            raise self._fatal(event, f"more than {MAX_FAULTS:,} faults", "correct those before it first")
        self.issues.append(self._issue(event, what, remedy))

    def _fatal(self, event: Any, what: str, remedy: str) -> ManifestError:
        return ManifestError((*self.issues, self._issue(event, what, remedy)))

    def _issue(self, event: Any, what: str, remedy: str) -> Issue:
        if self._short:
            raise _UnexpectedError
        return Issue(unpack((self._file,), self._mark(event)), what, remedy)

    def _mark(self, event: Any) -> int:
        start = event.start_mark
        return int(start.line * _LINE + start.column + self._taken_out)


def _simple(item: str, mark: int, joint: str) -> tuple[Any, list[int], int]:
    """The value of an item of a run that stands at `mark`, the marks of what is in it, and that of the next item."""
    flow = item[0] == "{"
    if not flow and ": " not in item:
        return _plain(item), [], mark + _LINE
    value: dict[str, Any] = {}
    marks: list[int] = []
    at = mark + flow
    pairs = item[1:-1].split(", ") if flow else item.split(joint)
    for pair in pairs:
        key, _, text = pair.partition(": ")
        value[key] = text if text[0] not in _MAYBE_SPECIAL else _plain(text)
        marks += at, at + len(key) + 2
        at += len(pair) + 2 if flow else _LINE
    if len(value) != len(pairs) or len(pairs) > MAX_KEYS:
        raise _UnexpectedError  # a key twice, or too many
    return value, marks, mark + _LINE if flow else at


def _plain(text: str) -> Any:
    """The value of a plain text of a run."""
    value = resolve(text) if text[0] in _MAYBE_SPECIAL else text
    if value is None:
        raise _UnexpectedError
    return value


def resolve(text: str) -> Any:
    """The value of a plain scalar in YAML 1.2's core schema.

    More than 40 characters are a text, even if all are digits: no number here is so long, a SHA-256 is.
    """
    if text.isdigit() and text.isascii() and len(text) <= _LONGEST_NUMBER:
        return int(text)
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if len(text) > _LONGEST_NUMBER:
        return text
    if _INTEGER.fullmatch(text):
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _INFINITE.fullmatch(text):
        return float(text.lower().replace(".", ""))
    return text
