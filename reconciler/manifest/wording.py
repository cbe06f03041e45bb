"""pydantic's findings in people's words: what was expected, what was found, what to do."""

from __future__ import annotations

import difflib
import functools
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from reconciler.errors import Issue
from reconciler.manifest.document import MAX_FAULTS, Document, type_names
from reconciler.manifest.schema import ModelSet, Part

Path = tuple[str | int, ...]

_EXPECTED = {
    "string_type": "a text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}
_FIXED = {
    "missing": ("is missing", "add it"),
    "string_pattern_mismatch": ("not a SHA-256", "write the 64 hexadecimal digits that `sha256sum FILE` prints"),
    "string_too_short": ("an empty text", "write a value, or leave the key out"),
    "too_short": ("an empty list", "name at least one, or leave the key out for the default"),
    "too_long": ("a list of more than {max_length:,}", "name fewer, by wider globs"),
    "one_of": ("has {found} of `name` and `match`", "write one: `name` for one file, `match` for a glob"),
    "no_criterion": ("keeps nothing in particular", "write at least one of `latest`, `within` and `atMost`"),
    "finite_number": ("not a finite number", "write one"),
}


def issues_of(error: ValidationError, document: Document) -> list[Issue]:
    """The findings of pydantic about a document, without those that follow from a fault of the document.

    Of very many, one more than are told.
    """
    known = {issue.place for issue in document.issues}
    details = error.errors(include_url=False, include_input=False)[: MAX_FAULTS + 1]
    issues = [_issue(detail, document) for detail in details if not _follows(detail, document)]
    return [issue for issue in issues if issue.place not in known]


def _follows(detail: ErrorDetails, document: Document) -> bool:
    """Pydantic counts only the valid items of a list, so a list of nothing but faults is empty to it."""
    return detail["type"] == "too_short" and bool(document.value(detail["loc"]))


def _issue(error: ErrorDetails, document: Document) -> Issue:
    path: Path = error["loc"]
    of_key = error["type"] == "extra_forbidden"
    what, remedy = _words(error, path, document.value(path))
    where = dotted(path) if path else "the manifest"
    return Issue(document.place(path, of_key=of_key), f"`{where}`: {what}", remedy)


def dotted(path: Path) -> str:
    """A path as people write it: `spec.allow[3].sha256`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def _words(error: ErrorDetails, path: Path, value: Any) -> tuple[str, str]:
    """What is wrong, and what to do."""
    kind, context = error["type"], error.get("ctx", {})
    if kind in _EXPECTED:
        return _wrong_type(_EXPECTED[kind], value)
    if kind in _FIXED:
        what, remedy = _FIXED[kind]
        return what.format(**context), remedy
    match kind:
        case "extra_forbidden":
            return "no such key", _key_remedy(path)
        case "literal_error":
            return _wrong_choice(context["expected"], value)
        case "amount":
            return _amount(context["reason"], value)
        case _:
            return _out_of_range(kind, context, error["msg"], value)


def _wrong_type(expected: str, value: Any) -> tuple[str, str]:
    what = f"expected {expected}, found {type_names[type(value)]}"
    if expected == "a text" and isinstance(value, (bool, int, float)):
        return what, "put it in quotes"
    if expected == "true or false" and isinstance(value, str):
        return what, "write true or false without quotes (`yes`, `no`, `on` and `off` are texts in YAML 1.2)"
    if expected == "a list":
        return what, "write each item on a line of its own after `- `"
    if expected == "a mapping":
        return what, "write it as `key: value` lines"
    return what, f"write {expected}" + (" without quotes or unit" if isinstance(value, str) else "")


def _amount(reason: str, value: Any) -> tuple[str, str]:
    what, _, remedy = reason.partition("; ")
    if not isinstance(value, (str, int, float)) or isinstance(value, bool):
        what = f"expected an amount, found {type_names[type(value)]}"
    return what, remedy or "write a whole number"


def _out_of_range(kind: str, context: dict[str, Any], message: str, value: Any) -> tuple[str, str]:
    limits = {
        "greater_than_equal": ("ge", "at least"),
        "less_than_equal": ("le", "at most"),
        "greater_than": ("gt", "more than"),
        "less_than": ("lt", "less than"),
    }
    if kind in limits:
        key, words = limits[kind]
        return f"{value} is out of range", f"write a number of {words} {context[key]:g}"
    return message[:1].lower() + message[1:], "correct it"


def _wrong_choice(expected: str, value: Any) -> tuple[str, str]:
    choices = [choice for choice in expected.replace(" or ", ", ").split("'") if choice.strip(", ")]
    what = f"expected {' or '.join(f'`{choice}`' for choice in choices)}, found "
    if not isinstance(value, str):
        return what + type_names[type(value)], f"write `{choices[0]}`"
    near = _nearest(value, choices)
    return what + f"`{value[:80]}`", f"did you mean `{near}`?" if near else f"write {' or '.join(choices)}"


def _key_remedy(path: Path) -> str:
    """The key that was meant here, or the part of the manifest that has such a key."""
    key = str(path[-1])
    here = _keys(part_at(path[:-1]))
    if near := _nearest(key, here):
        return f"did you mean `{near}`?"
    elsewhere = _keys_elsewhere()
    if near := _nearest(key, list(elsewhere)):
        return f"did you mean `{near}` {elsewhere[near]}?"
    return f"remove it; the keys here are {', '.join(here)}"


@functools.cache
def _keys_elsewhere() -> dict[str, str]:
    """Where each key of the language belongs, in words; of one that belongs in several places the outermost."""
    found: dict[str, str] = {}
    pending: list[tuple[str, type[BaseModel]]] = [("", ModelSet)]
    for place, model in pending:
        for name, field in model.model_fields.items():
            key = field.alias or name
            found.setdefault(key, f"under `{place}`" if place else "at the top of the document")
            kind = get_origin(field.annotation)
            many = "[]" if kind is tuple else ".NAME" if kind is dict else ""
            pending += [(f"{place}.{key}{many}".removeprefix("."), part) for part in _parts(field.annotation)]
    return found


def _nearest(word: str, choices: list[str]) -> str | None:
    """The choice that was probably meant; case, `_` and `-` do not count."""
    plain = {choice.lower(): choice for choice in choices}
    near = difflib.get_close_matches(word[:80].lower().replace("_", "").replace("-", ""), plain, n=1, cutoff=0.7)
    return plain[near[0]] if near else None


def _keys(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def ordered_keys(path: Path) -> list[str]:
    """The keys of the mapping at `path` in the order in which they are best read: what it is about first, why last."""
    keys = _keys(part_at(path))
    return sorted(keys, key=lambda key: (key == "reason", keys.index(key)))


def part_at(path: Path) -> type[BaseModel]:
    """The part of the schema that the mapping at `path` is."""
    model: type[BaseModel] = ModelSet
    for key in path:
        for name, field in model.model_fields.items():
            if key in (name, field.alias):
                model = next(_parts(field.annotation), model)
    return model


def _parts(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, Part):
        yield annotation
    for argument in get_args(annotation):
        yield from _parts(argument)
