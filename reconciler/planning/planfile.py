"""The text of a plan file: written canonically with a digest, read as untrusted input. Pure.

The digest notices a file that was cut or edited; it does not say who wrote it. So nothing in a plan file is
obeyed beyond "this file, with this evidence, may go": what is executed comes from the manifest.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, ValidationError, model_validator

from reconciler.errors import Place, PlanFileError
from reconciler.facts import STATE_DIRECTORY, DirectoryFacts, FileFacts, digest_of
from reconciler.names import printable
from reconciler.planning.diff import Notice
from reconciler.planning.guards import Guard
from reconciler.planning.plan import FORMAT_VERSION, Origin, Plan, canonical_json
from reconciler.planning.verdicts import Decision, Verdict

LARGEST = 512 * 2**20
"""Bytes; a plan of a million models stays below."""


def plan_text(plan: Plan) -> bytes:
    """The plan file of `plan`: one line of canonical JSON, with the digest of the plan before it."""
    return f'{{"digest":"{plan.digest}","plan":{plan.canonical}}}\n'.encode()


def parse_plan(data: bytes, file: str) -> Plan:
    """The plan that `data`, the content of `file`, holds.

    Raises PlanFileError where it is not a plan file, cut, edited, or of a format this release does not read.
    """
    envelope = _read_json(data, file)
    version = envelope["plan"].get("format_version") if isinstance(envelope.get("plan"), dict) else None
    if not isinstance(version, str) or set(envelope) != {"digest", "plan"}:
        raise PlanFileError(f"{file}: not a plan file; make one with: ocr-reconcile plan -f MANIFEST --out {file}")
    if version != FORMAT_VERSION:
        raise PlanFileError(
            f"{file}: plan format {version!a} is not read by this release, which reads {FORMAT_VERSION}; plan again"
        )
    try:
        if envelope["digest"] != digest_of(canonical_json(envelope["plan"]).encode()):
            raise PlanFileError(
                f"{file}: the plan does not have the digest it states: it was edited or damaged; plan again"
            )
        return _PlanDocument.model_validate(envelope["plan"]).to_plan()
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = printable(".".join(map(str, first["loc"]))) or "plan"
        raise PlanFileError(f"{file}: {where}: {first['msg'].removeprefix('Value error, ')}; plan again") from error


def _read_json(data: bytes, file: str) -> dict[str, Any]:
    try:
        value = json.loads(data.decode(), object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError) as error:
        why = str(error) or type(error).__name__
        raise PlanFileError(f"{file}: cannot be read as a plan: {why}; it may be cut: plan again") from error
    if not isinstance(value, dict):
        raise PlanFileError(f"{file}: not a plan file: it holds no JSON object; plan again")
    return value


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        message = "a key stands twice in one object"
        raise ValueError(message)
    return value


def _text(value: object) -> str:
    """Accept any text. pydantic's own `str` refuses the surrogates that carry undecodable bytes of names."""
    if not isinstance(value, str):
        message = "a text is expected"
        raise ValueError(message)  # noqa: TRY004  # pydantic turns ValueError into an issue, not TypeError
    return value


def _model_name(value: object) -> str:
    """Accept only a name that can be a model's: bytes, relative, one or two parts, none of them special."""
    name = _text(value)
    parts = name.split("/")
    special = "\0" in name or parts[0] == STATE_DIRECTORY or not {"", ".", ".."}.isdisjoint(parts)
    if len(parts) > 2 or special or not _has_bytes(name):
        message = f"{name!a} cannot be the name of a model"
        raise ValueError(message)
    return name


def _has_bytes(name: str) -> bool:
    """Whether a file can have the name; not every surrogate stands for a byte."""
    try:
        name.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


Text = Annotated[str, PlainValidator(_text)]
Number = Annotated[int, Field(ge=0, lt=2**64)]
"""As the operating system has them; longer ones could not even be printed."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Evidence(_Strict):
    device: Number
    inode: Number
    size: Number
    mtime_ns: Annotated[int, Field(gt=-(2**94), lt=2**94)]
    links: Number
    allocated: Number


_PlaceTuple = Annotated[tuple[Text, Number, Number], Field(strict=False)]


class _Model(_Strict):
    name: Annotated[str, PlainValidator(_model_name)]
    verdict: Annotated[Verdict, Field(strict=False)]
    reason: Text
    place: _PlaceTuple | None
    listed: bool | None
    required: bool
    lead: Text
    due: Text
    digest: Annotated[str, Field(pattern="^([0-9a-f]{64})?$")]
    evidence: _Evidence | None

    @model_validator(mode="after")
    def _delete_on_evidence_only(self) -> Self:
        if self.verdict is Verdict.DELETE and self.evidence is None:
            message = f"{self.name!a} is to be deleted without evidence"
            raise ValueError(message)
        return self

    def to_decision(self) -> Decision:
        """The same as the frozen value."""
        file = None if self.evidence is None else FileFacts(name=self.name, **dict(self.evidence))
        place = _place(self.place)
        more = self.required, self.lead, self.due, self.digest
        return Decision(self.name, self.verdict, self.reason, place, file, self.listed, *more)


class _Notice(_Strict):
    place: _PlaceTuple | None
    text: Text


class _Guard(_Strict):
    name: Text
    message: Text
    overridden: bool


class _Origin(_Strict):
    created: Text
    host: Text
    manifest: Text
    manifest_name: Text
    manifest_digest: Text
    engine: Text
    engine_python: Text
    unprotect: Annotated[tuple[Text, ...], Field(strict=False)]


class _Directory(_Strict):
    path: Text
    device: Number
    inode: Number


class _PlanDocument(_Strict):
    format_version: Literal["1.1"]
    origin: _Origin
    directory: _Directory
    models: list[_Model]
    notices: list[_Notice]
    guards: list[_Guard]

    @model_validator(mode="after")
    def _one_row_a_name(self) -> Self:
        if len({model.name for model in self.models}) != len(self.models):
            message = "a model stands twice in the plan"
            raise ValueError(message)
        return self

    def to_plan(self) -> Plan:
        """The same as the frozen value."""
        return Plan(
            Origin(**dict(self.origin)),
            DirectoryFacts(**dict(self.directory)),
            tuple(model.to_decision() for model in self.models),
            tuple(Notice(_place(notice.place), notice.text) for notice in self.notices),
            tuple(Guard(**dict(guard)) for guard in self.guards),
        )


def _place(value: tuple[str, int, int] | None) -> Place | None:
    return None if value is None else Place(*value)
