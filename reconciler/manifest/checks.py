"""Faults that no single value shows: names that no model can have, rules that contradict each other.

They are looked for in the tree and not in the schema's values, so that they are found whatever else is wrong.
"""

from __future__ import annotations

import re
from itertools import filterfalse
from typing import Any, NamedTuple

from reconciler.errors import Issue
from reconciler.facts import STATE_DIRECTORY
from reconciler.manifest.document import MAX_FAULTS, Document
from reconciler.manifest.match import Candidates, GlobError, is_exact, translate

SECTIONS = ("allow", "deny", "protect")
MAX_PARTS = 2
"""The engine looks at files of depth 1 and 2 only."""

_DEMANDS = ("sha256", "size", "required", "onMismatch", "files", "keep")

# What nearly all names look like: nothing is wrong with them, and one pattern is faster than looking at each part.
_ORDINARY = re.compile(r"[\w-][\w. -]{0,254}(?:/[\w-][\w. -]{0,254})?", re.ASCII)


class _Rules(NamedTuple):
    """The rules of one section by what they are about: exact names and globs, each with its (first) index."""

    section: str
    items: list[Any]
    exact: dict[str, int]
    globs: dict[str, int]


class Checks:
    """Finds the faults of a document that its schema lets through; `issues` holds them."""

    def __init__(self, document: Document) -> None:
        self.issues: list[Issue] = []
        self._document = document

    def run(self) -> list[Issue]:
        """Every fault, in no particular order; of very many, one more than are told."""
        allow, deny, protect = sections = [self._rules(section) for section in SECTIONS]
        for rules in sections:
            self._names(rules)
            self._globs(rules)
        self._members(allow)
        self._discovery()
        self._includes(allow)
        self._contradictions(deny, allow)
        self._contradictions(protect, deny)
        return self.issues

    def _list(self, *path: str) -> list[Any]:
        found = self._document.value(path)
        return found if isinstance(found, list) else []

    def _rules(self, section: str) -> _Rules:
        """Sort the rules of a section; what is about the same as an earlier one is a fault."""
        rules = _Rules(section, self._list("spec", section), {}, {})
        for index, item in enumerate(rules.items):
            text, exact = subject(item, section)
            if text:
                first = (rules.exact if exact else rules.globs).setdefault(text, index)
                if first != index:
                    self._repetition(rules, first, index, text)
        return rules

    def _repetition(self, rules: _Rules, first: int, index: int, text: str) -> None:
        what = f"`{text}` a second time in `{rules.section}`, first in {self._line(rules.section, first)}"
        if _demands(rules.items[first]) == _demands(rules.items[index]):
            self._fault((rules.section, index), what, "leave one of them")
        else:
            self._fault(
                (rules.section, index), f"{what}, and they demand different things", "leave the one that is right"
            )

    def _names(self, rules: _Rules) -> None:
        for name in filterfalse(_ORDINARY.fullmatch, rules.exact):
            index = rules.exact[name]
            if fault := name_fault(name):
                what = f"`{name}` can never be a model: {fault}"
                self._fault((rules.section, index), what, "write a name relative to the model directory")
            elif ("*" in name or "?" in name) and rules.items[index] == name:
                what = f"`{name}` is taken as an exact name here, not as a glob"
                self._fault((rules.section, index), what, f'write `match: "{name}"`, or `name:` if a file is called so')

    def _globs(self, rules: _Rules) -> None:
        for glob, index in rules.globs.items():
            whole = self._glob((rules.section, index), glob)
            if whole and "[" in glob and rules.items[index] == glob:
                what = f"`{glob}` can be meant as a name or as a glob"
                self._fault((rules.section, index), what, "write `name:` or `match:` in front of it")

    def _glob(self, path: tuple[str | int, ...], glob: str) -> bool:
        """Whether the glob is in order; if not, the fault is noted."""
        try:
            translate(glob)
        except GlobError as error:
            what, _, remedy = str(error).partition("; ")
            self._fault(path, f"`{glob}` is not a glob: {what}", remedy or "write one, or remove it")
            return False
        if fault := glob_fault(glob):
            what = f"`{glob}` can never match a model: {fault}"
            self._fault(path, what, "write it relative to the model directory")
        return not fault

    def _members(self, allow: _Rules) -> None:
        """Files of a set that are no plain names: they lie beside their model, and nowhere else."""
        for index, item in enumerate(allow.items):
            files = item.get("files") if isinstance(item, dict) else None
            for position, name in enumerate(files if isinstance(files, list) else ()):
                if isinstance(name, str) and name and ("/" in name or name_fault(name)):
                    what = f"`{name}` cannot be a file beside its model"
                    self._fault(("allow", index, "files", position), what, "write its bare name, without a directory")

    def _discovery(self) -> None:
        ways = self._list("spec", "discovery")
        for index, way in enumerate(ways):
            if way in ways[:index]:
                self._fault(("discovery", index), f"`{way}` a second time", "leave it out")

    def _includes(self, allow: _Rules) -> None:
        """Allowed names that are no models by `models.include`: such a file would be left alone, not kept."""
        from reconciler.manifest.schema import DEFAULT_INCLUDE, MAX_INCLUDE  # pydantic: after the engine started

        written = self._list("spec", "models", "include")
        if len(written) > MAX_INCLUDE:
            return  # the schema complains
        texts = [glob for glob in written if isinstance(glob, str) and glob]
        broken = [
            glob
            for index, glob in enumerate(written)
            if glob in texts and not self._glob(("models", "include", index), glob)
        ]
        if broken or len(texts) < len(written):
            return
        for name in Candidates(texts or DEFAULT_INCLUDE).others(allow.exact):
            if not name_fault(name):
                what = f"`{name}` is not a model, because nothing in `models.include` matches it"
                self._fault(("allow", allow.exact[name]), what, "add a glob for it there, or remove the rule")

    def _contradictions(self, stronger: _Rules, weaker: _Rules) -> None:
        for ours, theirs in ((stronger.exact, weaker.exact), (stronger.globs, weaker.globs)):
            for text in ours.keys() & theirs.keys():
                line = self._line(stronger.section, ours[text])
                what = f"`{text}` is in `{weaker.section}`, but also in `{stronger.section}` ({line}), which wins"
                self._fault((weaker.section, theirs[text]), what, "leave one of them")

    def _line(self, section: str, index: int) -> str:
        place = self._document.place(("spec", section, index))
        return f"line {place.line}" if len(self._document.files) == 1 else str(place)

    def _fault(self, path: tuple[str | int, ...], what: str, remedy: str) -> None:
        if len(self.issues) <= MAX_FAULTS:
            self.issues.append(Issue(self._document.place(("spec", *path)), what, remedy))


def subject(item: Any, section: str) -> tuple[str | None, bool]:
    """What a rule is about, and whether that is one exact name; None if the schema has to complain."""
    if type(item) is str:
        return item, section == "allow" or is_exact(item)
    if isinstance(item, dict) and ("name" in item) != ("match" in item):
        exact = "name" in item
        text = item["name"] if exact else item["match"]
        if isinstance(text, str):
            return text, exact or is_exact(text)
    return None, False


def _demands(item: Any) -> dict[str, Any]:
    demands = {"required": False, **(item if isinstance(item, dict) else {})}
    return {key: demands.get(key) for key in _DEMANDS}


def name_fault(name: str) -> str:
    """Why no model can have this name; empty if one can."""
    return _path_fault(name) or ("it is deeper than the engine looks" if name.count("/") >= MAX_PARTS else "")


def glob_fault(glob: str) -> str:
    """Why no model can match this glob; empty if one can."""
    deep = len([part for part in glob.split("/") if part != "**"]) > MAX_PARTS
    return _path_fault(glob) or ("it asks for more levels than the engine looks at" if deep else "")


def _path_fault(text: str) -> str:
    parts = text.split("/")
    faults = {
        "it is an absolute path": text.startswith("/"),
        "it ends with a slash, so it is a directory": text.endswith("/"),
        "it contains a NUL character": "\0" in text,
        "it has an empty, `.` or `..` part": not {"", ".", ".."}.isdisjoint(parts),
        f"`{STATE_DIRECTORY}` holds the reconciler's own state": parts[0] == STATE_DIRECTORY,
        "a part of it is longer than 255 bytes": any(len(part.encode()) > 255 for part in parts if is_exact(part)),
    }
    return next((fault for fault, found in faults.items() if found), "")
