"""pydantic's findings in people's words: what was expected, what was found, what to do."""

from __future__ import annotations

import difflib
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from reconciler.errors import Issue
from reconciler.manifest.document import Document, type_names
from reconciler.manifest.schema import ModelSet, Part, Spec

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


def issue_of(error: ErrorDetails, document: Document) -> Issue:
    """The issue of one finding of pydantic about a document."""
    path: Path = error["loc"]
    of_key = error["type"] == "extra_forbidden"
    what, remedy = _words(error, path, document.value(path))
    where = dotted(path) if path else "the manifest"
    return Issue(document.place(path, of_key=of_key), f"`{where}`: {what}", remedy)


def dotted(path: Path) -> str:
    """A path as people write it: `spec.allow[3].sha256`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def _words(error: ErrorDetails, path: Path, value: Any) -> tuple[str, str]:
    kind, context = error["type"], error.get("ctx", {})
    if kind in _EXPECTED:
        return _wrong_type(_EXPECTED[kind], value)
    match kind:
        case "missing":
            return "is missing", "add it"
        case "extra_forbidden":
            return "no such key", _key_remedy(path)
        case "literal_error":
            return _wrong_choice(context["expected"], value)
        case "string_pattern_mismatch":
            return "not a SHA-256", "write the 64 hexadecimal digits that `sha256sum FILE` prints"
        case "string_too_short":
            return "an empty text", "write a value, or leave the key out"
        case "too_short":
            return "an empty list", "name at least one, or leave the key out for the default"
        case "amount":
            return _amount(context["reason"], value)
        case "one_of":
            return (
                f"has {context['found']} of `name` and `match`",
                "write one of them: `name` for one file, `match` for a glob",
            )
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
    if kind == "finite_number":
        return f"{value} is not a number to count with", "write a finite number"
    return message[:1].lower() + message[1:], "correct it"


def _wrong_choice(expected: str, value: Any) -> tuple[str, str]:
    choices = [choice for choice in expected.replace(" or ", ", ").split("'") if choice.strip(", ")]
    what = f"expected {' or '.join(f'`{choice}`' for choice in choices)}, found "
    if not isinstance(value, str):
        return what + type_names[type(value)], f"write `{choices[0]}`"
    near = _nearest(value, choices)
    return what + f"`{value[:80]}`", f"did you mean `{near}`?" if near else f"write {' or '.join(choices)}"


def _key_remedy(path: Path) -> str:
    key = str(path[-1])
    here = _keys(_model_at(path[:-1]))
    if near := _nearest(key, here):
        return f"did you mean `{near}`?"
    if key in _keys(ModelSet):
        return "move it to the top of the document"
    if key in _keys(Spec):
        return "move it under `spec`"
    return f"remove it; the keys here are {', '.join(here)}"


def _nearest(word: str, choices: list[str]) -> str | None:
    """The choice that was probably meant; case, `_` and `-` do not count."""
    plain = {choice.lower(): choice for choice in choices}
    near = difflib.get_close_matches(word[:80].lower().replace("_", "").replace("-", ""), plain, n=1, cutoff=0.7)
    return plain[near[0]] if near else None


def _keys(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_at(path: Path) -> type[BaseModel]:
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
