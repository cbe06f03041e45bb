"""The JSON Schema of manifests, in draft-07, which is what yaml-language-server reads.

Made from the models. It describes files, so it knows `$remove`, variables and that a key must have a value; what
only the whole manifest shows (contradictions, impossible names) is for `validate`.
"""

from __future__ import annotations

from typing import Any

from reconciler.manifest.overlay import REMOVE
from reconciler.manifest.schema import ModelSet

_EXAMPLES: dict[str, list[Any]] = {
    "apiVersion": ["ocr-reconcile/v1"], "kind": ["ModelSet"], "metadata": [{"name": "ocr-production"}],
    "spec": [{"allow": ["en_ocr_v1.bin"]}],
    "Metadata.name": ["ocr-production"], "owner": ["platform-team@example.com"],
    "labels": [{"environment": "production"}],
    "extends": [["../base.yaml"]], "variables": [{"SITE": {"default": "berlin"}}], "modelPath": ["/srv/ocr/models"],
    "type": ["integer"], "default": ["berlin"], "description": ["Site that the host is at"],
    "engine": [{"python": "/srv/ocr/venv/bin/python"}], "python": ["/srv/ocr/venv/bin/python"],
    "timeout": ["60s", "2m"],
    "discovery": [["directory"]], "models": [{"include": ["**/*.bin"]}], "include": [["**/*.bin", "**/*.gguf"]],
    "allow": [["en_ocr_v1.bin", {"match": "fr_ocr_v*.bin"}]], "deny": [["old_*"]], "protect": [["customer_*/*"]],
    "name": ["en_ocr_v1.bin"], "match": ["fr_ocr_v*.bin"], "reason": ["superseded by v2"], "size": [44040192],
    "sha256": ["9f2c1d8e4b7a6053f1e2d3c4b5a69788796a5b4c3d2e1f00ffeeddccbbaa9988"], "required": [True],
    "limits": [{"maxDeletions": 5}], "maxDeletions": [5], "maxDeletePercent": [20], "maxDeleteBytes": ["50GiB"],
    "minKeep": [2], "minFreeBytes": ["20GiB"], "release": [{"wait": "2m"}], "wait": ["30s", "5m"],
    "handlers": [{"changed": [{"command": ["systemctl", "reload", "ocr"]}]}],
    "Release.handlers": [[{"command": ["systemctl", "restart", "ocr"], "timeout": "90s"}]],
    "changed": [[{"command": ["systemctl", "reload", "ocr"]}]], "command": [["systemctl", "reload", "ocr"]],
    "quarantine": [{"retain": "7d"}], "retain": ["12h", "7d"],
}  # fmt: skip
"""Examples of each key; `Part.key` where the key means different things."""

_BOUNDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum"}
"""What pydantic leaves under its own names where a text may stand for a number."""

_RULES = {"AllowRule", "DenyRule", "ProtectRule"}
_ABOUT = {"title", "description", "default", "examples"}
_WHOLE = r"^\$\{[A-Za-z_][A-Za-z0-9_]*\}$"
_VARIABLE = {"type": "string", "pattern": _WHOLE}
_NAMES = {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1}


def json_schema() -> dict[str, Any]:
    """The schema as a document."""
    schema = ModelSet.model_json_schema(by_alias=True, ref_template="#/definitions/{model}")
    definitions: dict[str, Any] = schema.pop("$defs")
    for name, part in (*definitions.items(), ("ModelSet", schema)):
        _complete(name, part, definitions)
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        **_plain(schema),
        "title": "ocr-reconcile manifest",
        "definitions": {name: _plain(part) for name, part in sorted(definitions.items())},
    }


def _complete(name: str, part: dict[str, Any], definitions: dict[str, Any]) -> None:
    """Add to a part what the models say in code: exactly one of two keys, plain texts, variables, removal."""
    for key, value in part["properties"].items():
        if "$ref" in value:  # pydantic leaves a description out where the part has the same
            value.setdefault("description", definitions[value["$ref"].rpartition("/")[2]]["description"])
        if "patternProperties" in value:
            value["additionalProperties"] = False
        examples = _EXAMPLES.get(f"{name}.{key}", _EXAMPLES.get(key))
        if examples:
            value["examples"] = examples
        if key in {"allow", "deny", "protect"}:
            removal: dict[str, Any] = {"type": "object", "properties": {REMOVE: {"type": "string", "minLength": 1}}}
            removal |= {"required": [REMOVE], "additionalProperties": False}
            value["items"] = {"anyOf": [{"type": "string", "minLength": 1}, value["items"], removal]}
        elif name != "Variable" and key not in {"apiVersion", "kind"}:
            _allow_variable(value)
    if name in _RULES:
        part["oneOf"] = [{"required": ["name"]}, {"required": ["match"]}]
    else:
        part["properties"][REMOVE] = {**_NAMES, "description": "Keys to remove from what is extended."}


def _allow_variable(value: dict[str, Any]) -> None:
    """A number or a truth value may be given by a variable as a whole."""
    kinds = value.pop("anyOf", None)
    if kinds is None and value.get("type") in {"integer", "number", "boolean"}:
        inner = {
            key: value.pop(key) for key in list(value) if key not in {"title", "description", "default", "examples"}
        }
        kinds = [inner]
    elif kinds is None:
        return
    kinds = [kind for kind in kinds if kind != {"type": "null"}]
    if not all(kind.get("type") == "string" and "pattern" not in kind for kind in kinds):
        kinds.append(_VARIABLE)
    value["anyOf"] = kinds


def _plain(node: Any) -> Any:
    """Without null and titles, which say nothing that the keys do not say."""
    if isinstance(node, list):
        return [_plain(item) for item in node]
    if not isinstance(node, dict):
        return node
    plain = {key: _plain(value) for key, value in node.items() if not _is_noise(key, value)}
    if "anyOf" in plain:
        kinds = [kind for kind in plain["anyOf"] if kind != {"type": "null"}]
        if len(kinds) == 1:
            return {**kinds[0], **{key: value for key, value in plain.items() if key != "anyOf"}}
        plain["anyOf"] = kinds
        bounds = {_BOUNDS[key]: plain.pop(key) for key in _BOUNDS if key in plain}
        for kind in kinds:
            if kind.get("type") in {"integer", "number"}:
                kind.update(bounds)
    return plain


def _is_noise(key: str, value: Any) -> bool:
    return (key == "title" and isinstance(value, str)) or (key == "default" and value is None)
