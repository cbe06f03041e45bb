"""The manifest's language as pydantic models: what may be written, with which types and defaults. No I/O.

Attributes are snake_case, keys in YAML camelCase. Unknown keys are forbidden, every value is frozen. The
descriptions are the words of the reference and of the generated JSON Schema.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from reconciler.manifest.quantities import parse_bytes, parse_seconds

DEFAULT_INCLUDE = tuple(
    f"**/*.{suffix}"
    for suffix in (
        "bin", "gguf", "ggml", "llamafile",  # llama.cpp, and the engine's own downloads
        "safetensors", "pt", "pth", "ckpt",  # PyTorch
        "onnx", "ort",  # ONNX Runtime
        "tflite", "pb", "h5", "keras",  # TensorFlow
        "pdmodel", "pdiparams", "pdparams",  # PaddleOCR
        "mlmodel",  # Core ML, and Kraken's OCR models
        "engine", "plan", "trt",  # TensorRT
        "caffemodel", "npz", "nemo",
        "traineddata",  # Tesseract
        "ocr", "OCR",  # Aspose's classic resources
    )
)  # fmt: skip
"""Suffixes of model weights. Never those of what lies beside them: .json, .txt, .md, .part."""

MAX_INCLUDE = 1000
MAX_BYTES = 2**63 - 1


_DIGITS = r"^[0-9]{1,20}(\.[0-9]{1,20})? ?"
_BYTES_TEXT = _DIGITS + r"([kKmMgGtTpP]?[iI]?[bB])?$"
_SECONDS_TEXT = _DIGITS + r"([mM]?[sS]|[mMhHdD])?$"


def _amount(parse: Any, number: Any, pattern: str) -> BeforeValidator:
    """Reads an amount; `number` and `pattern` are for the JSON Schema."""

    def read(value: object) -> Any:
        try:
            return parse(value)
        except (ValueError, OverflowError) as error:
            raise PydanticCustomError("amount", "{reason}", {"reason": str(error)}) from None

    return BeforeValidator(read, json_schema_input_type=number | Annotated[str, Field(pattern=pattern)])


def _scalar(value: object) -> object:
    if not isinstance(value, (str, int, float)) or value == "":
        raise PydanticCustomError("scalar", "not a text, a number, true or false")
    return value


Scalar = Annotated[
    Any,
    BeforeValidator(_scalar),
    WithJsonSchema({"anyOf": [{"type": "string", "minLength": 1}, {"type": "number"}, {"type": "boolean"}]}),
]
Text = Annotated[str, StringConstraints(strict=True, min_length=1)]
Count = Annotated[int, Field(strict=True, ge=0, le=MAX_BYTES)]
Bytes = Annotated[int, _amount(parse_bytes, int, _BYTES_TEXT), Field(ge=0, le=MAX_BYTES)]
Seconds = Annotated[float, _amount(parse_seconds, float, _SECONDS_TEXT), Field(gt=0, le=86400, allow_inf_nan=False)]
Duration = Annotated[
    float, _amount(parse_seconds, float, _SECONDS_TEXT), Field(ge=0, le=366 * 86400, allow_inf_nan=False)
]
Percent = Annotated[float, Field(strict=True, ge=0, le=100, allow_inf_nan=False)]
Sha256 = Annotated[str, StringConstraints(strict=True, pattern="^[0-9a-fA-F]{64}$", to_lower=True)]
Flag = Annotated[bool, Field(strict=True)]


class Part(BaseModel):
    """Base of every part of a manifest."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        defer_build=True,
    )


class Metadata(Part):
    """Who and what the manifest is about; nothing here changes what is deleted."""

    name: Text = Field(description="Name of the model set, shown in plans and history.")
    owner: Text | None = Field(default=None, description="Team or person to ask about these models.")
    labels: dict[Text, Annotated[str, Field(strict=True)]] = Field(
        default={}, description="Free labels, each a text, for your own tools."
    )


class Engine(Part):
    """How the OCR engine is asked."""

    python: Text | None = Field(
        default=None,
        description="Python interpreter whose environment holds the engine. A path with a slash is relative to the "
        "manifest, a bare name is looked up in PATH. Default: the interpreter that runs ocr-reconcile.",
    )
    timeout: Seconds = Field(
        default=60.0, description="Time the engine has to start, list and free; seconds, or a text like 60s or 2m."
    )


class Models(Part):
    """Which files are models at all."""

    include: tuple[Text, ...] = Field(
        default=DEFAULT_INCLUDE,
        min_length=1,
        max_length=MAX_INCLUDE,
        description="Globs of the files that are models. Everything else is left alone and only counted. "
        "Replaces the default list.",
    )
    sets: Flag = Field(
        default=True,
        description="Whether files that belong together by their names (shards, external data, tokenizers) are one "
        "model, which is kept or deleted as a whole.",
    )


class Rule(Part):
    """What every rule has: the models it is about, and why."""

    name: Text | None = Field(default=None, description="Exact name, relative to the model directory.")
    match: Text | None = Field(
        default=None, description="Glob of names. `*` and `?` stop at `/`, `**` as a whole part crosses it."
    )
    reason: Annotated[str, Field(strict=True)] = Field(
        default="", description="Why the rule is there; shown with every verdict that it causes."
    )

    @model_validator(mode="after")
    def _one_of_name_and_match(self) -> Self:
        if (self.name is None) == (self.match is None):
            found = "neither" if self.name is None else "both"
            raise PydanticCustomError("one_of", "{found}", {"found": found})
        return self


class Keep(Part):
    """Which of the models that an allow rule matches stay: those that `latest` or `within` keeps, up to `atMost`."""

    latest: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] | None = Field(
        default=None,
        description="How many versions of each series of names stay, the highest; a name without a version stays.",
    )
    within: Duration | None = Field(
        default=None, description="How long after its modification a model stays; seconds, or a text like 30d."
    )
    at_most: Bytes | None = Field(
        default=None,
        description="How much may stay in all; the oldest go first, the newest never. Bytes, or a text like 20GiB.",
    )

    @model_validator(mode="after")
    def _at_least_one(self) -> Self:
        if self.latest is None and self.within is None and self.at_most is None:
            raise PydanticCustomError("no_criterion", "keeps nothing in particular")
        return self


class AllowRule(Rule):
    """Models that may be here. A plain text in `allow` is the same as its `name`."""

    size: Count | None = Field(default=None, description="Exact size of the file in bytes.")
    sha256: Sha256 | None = Field(default=None, description="SHA-256 of the file, 64 hexadecimal digits.")
    required: Flag = Field(default=False, description="Whether it is a fault that no such model is there.")
    on_mismatch: Literal["report", "delete", "fail"] = Field(
        default="report",
        description="What another size or SHA-256 means: it is reported, the model is deleted, or the plan is blocked.",
    )
    files: tuple[Text, ...] = Field(
        default=(), description="Files in the model's directory that belong to it: kept and deleted with it."
    )
    keep: Keep | None = Field(default=None, description="Which of the matching models stay; unset, all of them.")


class DenyRule(Rule):
    """Models that must go, even if a rule allows them. A plain text in `deny` is the same as its `match`."""


class ProtectRule(Rule):
    """Models that are never deleted, whatever else is said. A plain text in `protect` is the same as its `match`."""


class Limits(Part):
    """What a plan may delete at most, and keep at least; a plan that goes beyond is blocked."""

    max_deletions: Count | None = Field(
        default=None, description="How many models one plan may delete; no limit unset."
    )
    max_delete_percent: Percent = Field(
        default=30.0, description="How much of the models one plan may delete, in percent of their number."
    )
    max_delete_bytes: Bytes | None = Field(
        default=None, description="How much one plan may delete; bytes, or a text like 20GiB or 500MB; no limit unset."
    )
    min_keep: Count = Field(default=1, description="How many models must be left.")
    min_free_bytes: Bytes | None = Field(
        default=None,
        description="Space that should be free; while there is less, an apply purges the oldest quarantined runs "
        "before their time. Bytes, or a text like 20GiB.",
    )
    required: Literal["fail", "warn"] = Field(
        default="fail", description="Whether a required model that is missing blocks the plan, or only warns."
    )


class Handler(Part):
    """A command that a run calls: an argument list, run without a shell in the manifest's directory."""

    command: tuple[Text, ...] = Field(
        min_length=1, description="Program and arguments. No shell looks at them, and no name of a model is passed."
    )
    timeout: Seconds = Field(default=60.0, description="Time it may take; seconds, or a text like 60s or 2m.")


class Release(Part):
    """What is done until it is proven that nothing holds the files that are to go."""

    wait: Duration = Field(
        default=30.0, description="How long to wait for processes that hold them; seconds, or a text like 30s or 5m."
    )
    handlers: tuple[Handler, ...] = Field(
        default=(), description="Commands run once if something is held and --run-handlers is given."
    )


class Handlers(Part):
    """Commands that follow an apply."""

    changed: tuple[Handler, ...] = Field(
        default=(), description="Commands run after an apply that deleted something, if --run-handlers is given."
    )


class Quarantine(Part):
    """What becomes of the files that an apply took out of the model directory."""

    retain: Duration = Field(
        default=0.0,
        description="How long they can be rolled back, and take up space: seconds, or a text like 12h or 7d. "
        "Default: they are purged at once.",
    )


class Variable(Part):
    """A value that stands for `${NAME}` wherever a text may stand."""

    type: Literal["string", "integer", "number", "boolean"] = Field(
        default="string", description="What its values are; anything else is a fault."
    )
    default: Scalar | None = Field(
        default=None, description="Its value where --set gives none; without either, each use is a fault."
    )
    description: Text | None = Field(default=None, description="What it is for.")


class FreezeWindow(Part):
    """Times in which applies are forbidden, or outside of which they are."""

    kind: Literal["allow", "deny"] = Field(description="Whether applies are possible in it only, or never in it.")
    schedule: Text = Field(description="When it begins, as five cron fields: minute, hour, day, month, day of week.")
    duration: Annotated[Duration, Field(gt=0)] = Field(
        description="How long it is open, in real time; seconds, or a text like 12h or 2d."
    )
    time_zone: Text = Field(default="UTC", description="Zone of the schedule, such as Europe/Berlin.")

    @field_validator("schedule")
    @classmethod
    def _is_schedule(cls, schedule: str) -> str:
        from datetime import UTC, datetime

        from cronsim import CronSim, CronSimError

        try:
            next(CronSim(schedule, datetime(2000, 1, 1, tzinfo=UTC)))
        except (CronSimError, StopIteration) as error:
            reason = {"reason": f"not five cron fields ({error or 'it never begins'})"}
            raise PydanticCustomError("schedule", "{reason}", reason) from None
        return schedule

    @field_validator("time_zone")
    @classmethod
    def _is_zone(cls, zone: str) -> str:
        from zoneinfo import ZoneInfo

        try:
            ZoneInfo(zone)
        except (OSError, ValueError, LookupError):  # a directory, a path, no such zone
            raise PydanticCustomError("zone", "not a time zone of the IANA database") from None
        return zone


class Freeze(Part):
    """When nothing may be applied."""

    windows: tuple[FreezeWindow, ...] = Field(
        default=(), description="Windows of time. An open deny window wins; with allow windows, one must be open."
    )


class Spec(Part):
    """The desired state of one model directory."""

    extends: tuple[Text, ...] = Field(
        default=(),
        description="Manifests that this one is laid over, relative to it and inside of the same repository; "
        "later ones are laid over earlier ones.",
    )
    variables: dict[Annotated[str, Field(pattern="^[A-Za-z_][A-Za-z0-9_]*$")], Variable] = Field(
        default={}, description="What may stand as `${NAME}` in values, by name; --set NAME=VALUE gives others."
    )
    model_path: Text | None = Field(
        default=None,
        description="The model directory, relative to the manifest; `~` is not expanded. "
        "Default: what the engine answers.",
    )
    engine: Engine = Field(default_factory=Engine, description="How the OCR engine is asked.")
    discovery: tuple[Literal["engine", "directory"], ...] = Field(
        default=("engine", "directory"),
        min_length=1,
        description="Who says what is there: the engine's listing, a scan of the directory, or both, cross-checked.",
    )
    models: Models = Field(default_factory=Models, description="Which files are models at all.")
    allow: tuple[AllowRule, ...] = Field(
        default=(), description="Models that may be here. What no rule allows is planned for deletion."
    )
    deny: tuple[DenyRule, ...] = Field(default=(), description="Models that must go, even if a rule allows them.")
    protect: tuple[ProtectRule, ...] = Field(default=(), description="Models that are never deleted.")
    grace: Duration = Field(
        default=0.0,
        description="How long a model that no rule allows must have been seen before it is deleted; seconds, or a "
        "text like 3d.",
    )
    limits: Limits = Field(default_factory=Limits, description="Guards of a plan.")
    freeze: Freeze = Field(default_factory=Freeze, description="When nothing may be applied.")
    release: Release = Field(default_factory=Release, description="How the proof of release is reached.")
    handlers: Handlers = Field(default_factory=Handlers, description="Commands that follow an apply.")
    quarantine: Quarantine = Field(default_factory=Quarantine, description="How long removed models can be put back.")

    @field_validator("allow", "deny", "protect", mode="before")
    @classmethod
    def _plain_texts(cls, rules: object, info: ValidationInfo) -> object:
        return _spell_out(rules, str(info.field_name))


class ModelSet(Part):
    """A manifest: which models one model directory may hold."""

    api_version: Literal["ocr-reconcile/v1"] = Field(description="Version of the manifest's language.")
    kind: Literal["ModelSet"] = Field(description="What the document describes.")
    metadata: Metadata = Field(description="Who and what the manifest is about.")
    spec: Spec = Field(description="The desired state.")


_PLAIN: dict[str, tuple[str, type[Rule]]] = {
    "allow": ("name", AllowRule),
    "deny": ("match", DenyRule),
    "protect": ("match", ProtectRule),
}


def _spell_out(rules: object, section: str) -> object:
    """Plain texts of a list of rules as the rules they stand for.

    A text that is not empty is a valid rule as it is, so each is a copy of one validated rule: validating ten
    thousand would take most of the time that loading takes.
    """
    if not isinstance(rules, (list, tuple)) or not any(type(item) is str for item in rules):
        return rules
    key, kind = _PLAIN[section]
    values = kind.model_validate({key: "template"}).__dict__
    fields_set = {key}

    def rule(text: str) -> object:
        if not text:
            return {key: text}  # for pydantic to complain about
        copy = kind.__new__(kind)
        _set_values(copy, {**values, key: text})
        _set_fields(copy, fields_set)
        _set_extra(copy, None)
        _set_private(copy, None)
        return copy

    return [rule(item) if type(item) is str else item for item in rules]


# The slots of a frozen model; twice as fast as object.__setattr__.
_set_values, _set_fields, _set_extra, _set_private = (
    BaseModel.__dict__[slot].__set__
    for slot in ("__dict__", "__pydantic_fields_set__", "__pydantic_extra__", "__pydantic_private__")
)
