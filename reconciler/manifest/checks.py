"""Faults that no single value shows: names that no model can have, rules that contradict each other."""

from __future__ import annotations

from reconciler.errors import Issue
from reconciler.facts import STATE_DIRECTORY
from reconciler.manifest.document import Document
from reconciler.manifest.match import Candidates, GlobError, exact_name, is_exact, translate
from reconciler.manifest.schema import AllowRule, Rule, Spec

SECTIONS = ("allow", "deny", "protect")
MAX_PARTS = 2
"""The engine looks at files of depth 1 and 2 only."""


class Checks:
    """Finds the faults of a spec that its schema lets through; `issues` holds them."""

    def __init__(self, document: Document, spec: Spec) -> None:
        self.issues: list[Issue] = []
        self._document = document
        self._spec = spec
        self._rules: dict[str, tuple[Rule, ...]] = {"allow": spec.allow, "deny": spec.deny, "protect": spec.protect}

    def run(self) -> list[Issue]:
        """Every fault, in no particular order."""
        self._discovery()
        self._includes()
        for section, rules in self._rules.items():
            for index, rule in enumerate(rules):
                self._subject(section, index, rule)
            self._repetitions(section, rules)
        self._contradictions("deny", "allow")
        self._contradictions("protect", "deny")
        return self.issues

    def _discovery(self) -> None:
        for index, way in enumerate(self._spec.discovery):
            if way in self._spec.discovery[:index]:
                self._fault(("spec", "discovery", index), f"`{way}` a second time", "leave it out")

    def _includes(self) -> None:
        globs = self._spec.models.include
        broken = [self._glob(("spec", "models", "include", index), glob) for index, glob in enumerate(globs)]
        if any(broken):
            return
        is_candidate = Candidates(globs)
        for index, rule in enumerate(self._spec.allow):
            name = exact_name(rule)
            if name is not None and not name_fault(name) and not is_candidate(name):
                what = f"`{name}` is not a model: nothing in `models.include` matches it"
                self._fault(
                    ("spec", "allow", index), what, "add a glob for it to `spec.models.include`, or remove the rule"
                )

    def _subject(self, section: str, index: int, rule: Rule) -> None:
        path = ("spec", section, index)
        plain = isinstance(self._document.value(path), str)
        if rule.name is None:
            self._glob(path, rule.match or "")
            if plain and "[" in (rule.match or ""):
                what = f"`{rule.match}` can be read as a name and as a glob"
                self._fault(path, what, "write `name:` or `match:` in front of it")
        elif fault := name_fault(rule.name):
            self._fault(
                path, f"`{rule.name}` can never be a model: {fault}", "write a name relative to the model directory"
            )
        elif plain and any(character in rule.name for character in "*?"):
            what = f"`{rule.name}` is taken as an exact name, which has no globs"
            self._fault(path, what, f'write `match: "{rule.name}"` (or `name:`, if the file is really called so)')

    def _glob(self, path: tuple[str | int, ...], glob: str) -> bool:
        """Whether the glob is broken; the fault is noted."""
        try:
            translate(glob)
            fault = glob_fault(glob)
            if fault:
                self._fault(
                    path, f"`{glob}` can never match a model: {fault}", "write it relative to the model directory"
                )
        except GlobError as error:
            what, _, remedy = str(error).partition("; ")
            self._fault(path, f"`{glob}` is not a glob: {what}", remedy or "write one, or remove the rule")
            return True
        return bool(fault)

    def _repetitions(self, section: str, rules: tuple[Rule, ...]) -> None:
        seen: dict[tuple[bool, str], int] = {}
        for index, rule in enumerate(rules):
            first = seen.setdefault(_subject_of(rule), index)
            if first != index:
                self._second(section, first, index)

    def _second(self, section: str, first: int, index: int) -> None:
        one, two = self._rules[section][first], self._rules[section][index]
        path = ("spec", section, index)
        line = self._document.place(("spec", section, first)).line
        what = f"`{_subject_of(two)[1]}` a second time in `{section}`, first in line {line}"
        if isinstance(one, AllowRule) and isinstance(two, AllowRule) and _demands(one) != _demands(two):
            self._fault(path, f"{what}, with another size, sha256 or required", "leave the one that is right")
        else:
            self._fault(path, what, "leave one of them")

    def _contradictions(self, stronger: str, weaker: str) -> None:
        first = {_subject_of(rule): index for index, rule in enumerate(self._rules[stronger])}
        for index, rule in enumerate(self._rules[weaker]):
            other = first.get(_subject_of(rule)) if first else None
            if other is not None:
                line = self._document.place(("spec", stronger, other)).line
                what = f"`{_subject_of(rule)[1]}` is in `{weaker}` and, in line {line}, in `{stronger}`, which wins"
                self._fault(("spec", weaker, index), what, "leave one of them")

    def _fault(self, path: tuple[str | int, ...], what: str, remedy: str) -> None:
        self.issues.append(Issue(self._document.place(path), what, remedy))


def _subject_of(rule: Rule) -> tuple[bool, str]:
    """What a rule is about: whether it is one exact name, and the name or glob."""
    name = exact_name(rule)
    return (True, name) if name is not None else (False, rule.match or "")


def _demands(rule: AllowRule) -> tuple[object, ...]:
    return rule.sha256, rule.size, rule.required


def name_fault(name: str) -> str:
    """Why no model can have this name; empty if one can."""
    parts = name.split("/")
    return _path_fault(parts, name) or ("it is nested deeper than the engine looks" if len(parts) > MAX_PARTS else "")


def glob_fault(glob: str) -> str:
    """Why no model can match this glob; empty if one can."""
    if is_exact(glob):
        return name_fault(glob)
    parts = glob.split("/")
    deep = len([part for part in parts if part != "**"]) > MAX_PARTS
    return _path_fault(parts, glob) or ("it asks for more levels than the engine looks at" if deep else "")


def _path_fault(parts: list[str], text: str) -> str:
    if text.startswith("/"):
        return "it is an absolute path"
    if text.endswith("/"):
        return "it ends with a slash, so it is a directory"
    if "\0" in text:
        return "it contains a NUL character"
    if ".." in parts or "." in parts or "" in parts:
        return "it has an empty, `.` or `..` part"
    if parts[0] == STATE_DIRECTORY:
        return f"`{STATE_DIRECTORY}` holds the reconciler's own state"
    if max(len(part.encode(errors="surrogatepass")) for part in parts) > 255:
        return "a part of it is longer than 255 bytes"
    return ""
