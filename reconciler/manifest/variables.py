"""`spec.variables`: declared, typed values that stand for `${NAME}` in a manifest.

A value that is nothing but `${NAME}` gets the variable's type, inside of a longer text it becomes text. `$${` is
`${` itself. What is undeclared, has no value or an empty one is a fault, never an empty text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from reconciler.errors import Issue
from reconciler.facts import digest_of
from reconciler.manifest.document import Document, resolve, unpack

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_USE = re.compile(r"\$\$\{|\$\{([^}]*)(\}?)", re.DOTALL)
_KINDS: dict[str, tuple[type, ...]] = {"string": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,)}
_SAMPLES: dict[str, Any] = {"string": "sample", "integer": 1, "number": 1, "boolean": True}
_LITERAL = ("extends", "variables")
"""Keys of `spec` whose values are taken as they are."""


def substituted(document: Document, settings: Mapping[str, str]) -> Document:
    """The document with its variables put in; changes its tree. `settings` are values given from outside.

    The digest covers the settings, and every fault is in `issues`.
    """
    work = _Substitution(document, settings)
    work.run()
    digest = document.digest
    if settings:
        given = [f"{name}={value}" for name, value in sorted(settings.items())]
        digest = digest_of("\0".join([digest, *given]).encode(errors="surrogateescape"))
    return replace(document, digest=digest, issues=(*document.issues, *work.issues))


class _Substitution:
    def __init__(self, document: Document, settings: Mapping[str, str]) -> None:
        self.issues: list[Issue] = []
        self._document = document
        self._settings = settings
        self._declared: dict[str, Any] = document.value(("spec", "variables")) or {}
        self._seen: set[int] = set()  # an alias is a second way to the same container
        self._values: dict[str, Any] = {}

    def run(self) -> None:
        if not isinstance(self._declared, dict):
            return  # the schema complains
        for name in self._declared.keys() | self._settings.keys():
            self._read(name)
        root = self._document.root
        if isinstance(root, dict) and self._document.dollars:
            spec = root.get("spec")
            literal = [id(spec[key]) for key in _LITERAL if key in spec] if isinstance(spec, dict) else []
            self._seen.update(literal)
            self._walk(root)

    def _read(self, name: str) -> None:
        """Find the value of a variable: what was given from outside, else the default."""
        place = self._document.place(("spec", "variables", name))
        if name not in self._declared:
            self.issues.append(Issue(place, f"--set {name}: no such variable", "declare it in `spec.variables`"))
            return
        if not _NAME.fullmatch(name):
            self.issues.append(Issue(place, f"`{name}` is not the name of a variable", "use letters, digits and `_`"))
            return
        declaration = self._declared[name]
        kind = declaration.get("type", "string") if isinstance(declaration, dict) else None
        if not isinstance(kind, str) or kind not in _KINDS:
            return  # the schema complains
        if name in self._settings:
            text = self._settings[name]
            self._keep(name, text if kind == "string" else resolve(text), kind, f"--set {name}={text}")
        elif "default" in declaration:
            self._keep(name, declaration["default"], kind, "the default")

    def _keep(self, name: str, value: Any, kind: str, what: str) -> None:
        fault = None
        if value == "":
            fault = "is empty"
        elif not isinstance(value, _KINDS[kind]) or (isinstance(value, bool) and kind != "boolean"):
            fault = f"is not of type {kind}"
        if fault:
            place = self._document.place(("spec", "variables", name))
            self.issues.append(Issue(place, f"variable `{name}`: {what} {fault}", f"give it a value of type {kind}"))
        self._values[name] = _SAMPLES[kind] if fault else value  # so that its uses are not faults too

    def _walk(self, node: Any) -> None:
        if id(node) in self._seen:
            return
        self._seen.add(id(node))
        for index, (key, value) in enumerate(node.items() if isinstance(node, dict) else enumerate(node)):
            if type(value) is str:
                if "${" in value:
                    mark = self._document.marks[id(node)][2 * index + 1 if isinstance(node, dict) else index]
                    node[key] = self._text(value, mark)
            elif isinstance(value, (list, dict)):
                self._walk(value)

    def _text(self, text: str, mark: int) -> Any:
        whole = _USE.fullmatch(text)
        if whole and whole[1] is not None:
            return self._value(whole, mark)
        return _USE.sub(lambda use: "${" if use[1] is None else _written(self._value(use, mark)), text)

    def _value(self, use: re.Match[str], mark: int) -> Any:
        name = use[1]
        if use[2] and name in self._values:
            return self._values[name]
        if not use[2] or not _NAME.fullmatch(name):
            what, remedy = f"`{use[0]}` is not a variable", "write `${NAME}`, or `$${` for the characters themselves"
        elif name in self._declared:
            what, remedy = f"`{use[0]}` has no value", f"give it one with --set {name}=VALUE, or a default"
        else:
            what, remedy = f"`{use[0]}` is not declared", "declare it in `spec.variables`"
        self.issues.append(Issue(unpack(self._document.files, mark), what, remedy))
        return use[0]


def _written(value: Any) -> str:
    """A value inside of a text, as YAML writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
