"""Edits of a manifest's text that change only the lines that have to change.

The text is spliced at the positions that the parser gives and never written anew, so comments, quoting and
anchors stay. Each edit is done twice, on the text and on the values: if they do not agree, nothing is changed.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from reconciler.errors import UsageError
from reconciler.manifest.checks import SECTIONS, subject
from reconciler.manifest.document import parse
from reconciler.manifest.emit import block, flow, scalar
from reconciler.manifest.layout import BREAKS, Node, documents_of, line_end, line_start
from reconciler.manifest.loader import NO_SETTINGS, Settings, parse_manifest
from reconciler.manifest.wording import ordered_keys
from reconciler.names import printable

_PROPERTIES = re.compile(r"[&!]\S*(?: +[&!]\S*)*")
BOM = "\ufeff"


class Pin(NamedTuple):
    """Size in bytes and SHA-256 of a model."""

    size: int
    sha256: str


Change = Callable[["Text", Any], None]


def edited(data: bytes, file: str, change: Change, settings: Settings = NO_SETTINGS) -> bytes:
    """The bytes of a manifest after a change.

    ManifestError if the manifest is invalid, or would be; UsageError if its layout does not allow the edit.
    """
    parse_manifest(data, file, settings)
    expected = copy.deepcopy(parse(data, file).root)
    text = Text(data.decode(), file)
    change(text, expected)
    result = text.result().encode()
    parse_manifest(result, file, settings)
    if parse(result, file).root != expected:
        raise UsageError(f"{printable(file)}: its layout cannot be edited safely; edit it by hand")
    return result


def allow(names: Iterable[str]) -> Change:
    """Allow models by name; those that are allowed by name already are left as they are."""

    def change(text: Text, root: Any) -> None:
        have = {subject(item, "allow") for item in root["spec"].get("allow", [])}
        new = [name for name in dict.fromkeys(map(escaped, names)) if (name, True) not in have]
        if new:
            root["spec"].setdefault("allow", []).extend(new)
            text.append("allow", list(new))

    return change


def deny(glob: str, reason: str) -> Change:
    """Deny the models that a glob matches; a glob that is denied already gets no second rule."""

    def change(text: Text, root: Any) -> None:
        rules = root["spec"].get("deny", [])
        text_of_glob = escaped(glob)
        if any(subject(item, "deny")[0] == text_of_glob for item in rules):
            return
        rule = {"match": text_of_glob, **({"reason": escaped(reason)} if reason else {})}
        item = rule if reason or "[" in glob else text_of_glob
        root["spec"].setdefault("deny", []).append(item)
        text.append("deny", [item])

    return change


def remove(names: Iterable[str]) -> Change:
    """Remove every rule about these names or globs; UsageError for one that no rule here is about."""

    def change(text: Text, root: Any) -> None:
        for name in dict.fromkeys(names):
            found = False
            for section in SECTIONS:
                rules = root["spec"].get(section, [])
                for index in reversed([i for i, item in enumerate(rules) if subject(item, section)[0] == name]):
                    found = True
                    text.remove(section, index)
                    del rules[index]
            if not found:
                what = f"{printable(text.file)}: no rule in this file is about {printable(name)}"
                raise UsageError(f"{what}; name a rule that is, or edit the manifest that it extends")

    return change


def pin(pins: Mapping[str, Pin]) -> Change:
    """Write size and SHA-256 into the rules that allow models by name; UsageError for one whose name is not there."""

    def change(text: Text, root: Any) -> None:
        rules = root["spec"].get("allow", [])
        by_text = {escaped(name): found for name, found in pins.items()}
        for index, item in enumerate(rules):
            name, exact = subject(item, "allow")
            if exact and (found := by_text.pop(name or "", None)):
                wanted = {"size": found.size, "sha256": found.sha256}
                text.pin(index, wanted)
                rules[index] = {**(item if isinstance(item, dict) else {"name": item}), **wanted}
        for name in by_text:
            what = f"{printable(text.file)}: no rule in this file allows {printable(name)} in so many letters"
            raise UsageError(f"{what}; write its name out, or pin by hand")

    return change


def written_names(data: bytes, file: str) -> frozenset[str]:
    """The names, as `escaped` writes them, that the allow rules of a valid manifest write in so many letters."""
    rules = parse(data, file).value(("spec", "allow")) or ()
    return frozenset(name for name, exact in (subject(item, "allow") for item in rules) if name and exact)


def escaped(text: str) -> str:
    """A text as a manifest writes it, where `${` would stand for a variable."""
    return text.replace("${", "$${")


class Text:
    """The text of a manifest of one document, with edits collected until `result`."""

    def __init__(self, text: str, file: str) -> None:
        self.file = file
        self._bom = BOM if text.startswith(BOM) else ""
        self._text = text.removeprefix(BOM)
        self._newline = "\r\n" if "\r\n" in self._text else "\n"
        self._splices: list[tuple[int, int, str]] = []
        self._read()

    def result(self) -> str:
        """The text after all edits."""
        self._apply()
        return self._bom + self._text

    def append(self, section: str, items: list[Any]) -> None:
        """Add rules at the end of a section, which is made if need be."""
        rules = self._spec.get(section)
        if rules is None:
            self._insert(self._spec, ("spec",), section, items)
        elif rules.kind != "sequence":
            raise self._unsafe(rules)
        elif not rules.block:
            texts = ", ".join(map(flow, items))
            end = rules.children[-1].end if rules.children else rules.end - 1
            self._splice(end, end, (", " if rules.children else "") + texts)
        else:
            at = line_end(self._text, rules.end)
            self._splice(at, at, self._lines(block(items), self._column(self._dash(rules.children[-1]))))

    def remove(self, section: str, index: int) -> None:
        """Remove a rule and the comment that belongs to it; what it leaves empty is written as `[]`."""
        self._apply()
        rules = self._spec.get(section)
        if rules is None or rules.kind != "sequence":
            raise self._unsafe(rules or self._spec)
        item = rules.children[index]
        if not rules.block:
            self._remove_from_flow(rules, index)
        else:
            end = line_end(self._text, item.end)
            end += len(self._newline) if self._text[end : end + len(self._newline)] == self._newline else 0
            self._splice(self._first_line(rules, index), end, "")
            if len(rules.children) == 1:
                at = self._head_end(rules)
                self._splice(at, at, " []")
        self._apply()

    def pin(self, index: int, wanted: dict[str, Any]) -> None:
        """Write keys into the rule `allow[index]`."""
        rules = self._spec.get("allow")
        if rules is None or rules.kind != "sequence":
            raise self._unsafe(rules or self._spec)
        rule = rules.children[index]
        if rule.kind == "mapping":
            for key, value in wanted.items():
                old = rule.get(key)
                if old is None:
                    self._insert(rule, ("spec", "allow", 0), key, value)
                elif self._text[old.start : old.end] != scalar(value):
                    self._splice(old.start, old.end, scalar(value))
        elif rules.block:
            self._splice(rule.start, rule.start, "name: ")
            end = line_end(self._text, rule.end)
            self._splice(end, end, self._lines(block(wanted), rule.column))
        else:
            self._splice(rule.start, rule.start, "{name: ")
            self._splice(rule.end, rule.end, ", " + flow(wanted)[1:])

    def _insert(self, mapping: Node, path: tuple[str | int, ...], key: str, value: Any) -> None:
        """Add a key to a mapping where the order of keys wants it."""
        order = ordered_keys(path)
        pairs = list(mapping.pairs())
        before = [
            i for i, (k, _) in enumerate(pairs) if k.value not in order or order.index(k.value) < order.index(key)
        ]
        if mapping.kind != "mapping":
            raise self._unsafe(mapping)
        if not mapping.block:
            written = flow({key: value})[1:-1]
            end = pairs[before[-1]][1].end if before else mapping.start + 1
            self._splice(end, end, f", {written}" if before else written + (", " if pairs else ""))
        elif before:
            at = line_end(self._text, pairs[before[-1]][1].end)
            self._splice(at, at, self._lines(block({key: value}), pairs[0][0].column))
        else:
            first = pairs[0][0]
            lines = self._lines(block({key: value}), first.column).removeprefix(self._newline).lstrip(" ")
            self._splice(first.start, first.start, lines + self._newline + " " * first.column)

    def _first_line(self, rules: Node, index: int) -> int:
        """Where the lines of a rule begin: with the comment right above it, indented as its `-` is."""
        dash = self._dash(rules.children[index])
        start = line_start(self._text, dash)
        mark = " " * (dash - start) + "#"
        before = rules.children[index - 1].end if index else self._head_end(rules)
        floor = line_end(self._text, before)
        while start > floor:
            newline = 2 if self._text.endswith("\r\n", 0, start) else 1
            above = line_start(self._text, start - newline)
            if above <= floor or not self._text.startswith(mark, above):
                break
            start = above
        return start

    def _remove_from_flow(self, rules: Node, index: int) -> None:
        item = rules.children[index]
        if index + 1 < len(rules.children):
            self._splice(item.start, rules.children[index + 1].start, "")
        else:
            start = rules.children[index - 1].end if index else item.start
            self._splice(start, item.end, "")

    def _head_end(self, rules: Node) -> int:
        """Where a value can be written instead of the lines of a section: behind its colon, or its anchor."""
        properties = _PROPERTIES.match(self._text, rules.start)
        if properties:
            return properties.end()
        key = next(key for key, value in self._spec.pairs() if value is rules)
        return self._text.index(":", key.end) + 1

    def _lines(self, lines: list[str], column: int) -> str:
        return "".join(f"{self._newline}{' ' * column}{line}" for line in lines)

    def _dash(self, item: Node) -> int:
        """Where the `-` of an item of a block sequence is; comments may stand between."""
        start = line_start(self._text, item.start)
        before = self._text[start : item.start].rstrip()
        while not before.endswith("-"):
            end = start - 1
            while end and self._text[end - 1] in BREAKS:
                end -= 1
            start = line_start(self._text, end)
            before = self._text[start:end].partition("#")[0].rstrip()
        return start + len(before) - 1

    def _column(self, index: int) -> int:
        return index - line_start(self._text, index)

    def _splice(self, start: int, end: int, text: str) -> None:
        self._splices.append((start, end, text))

    def _apply(self) -> None:
        if self._splices:
            ordered = sorted(enumerate(self._splices), key=lambda entry: (entry[1][0], entry[0]), reverse=True)
            for _, (start, end, text) in ordered:
                self._text = self._text[:start] + text + self._text[end:]
            self._splices = []
            self._read()

    def _read(self) -> None:
        (root,) = documents_of(self._text)
        spec = root.get("spec")
        if spec is None or spec.kind != "mapping":
            raise self._unsafe(spec or root)
        self._spec = spec

    def _unsafe(self, node: Node) -> UsageError:
        line = self._text.count("\n", 0, node.start) + 1
        return UsageError(f"{printable(self.file)}:{line}: an alias or tag stands here; edit the manifest by hand")
