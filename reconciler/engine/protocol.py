"""What is said between us and an engine, and what it means. Pure: bytes and strings in, facts or one error out."""

from __future__ import annotations

import json
import posixpath
import re
import signal
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from reconciler.errors import EngineError, ModelDirectoryError
from reconciler.facts import EngineFacts

PROTOCOL = 1
"""Version of the conversation with the child; `child.py` holds the same number."""

PACKAGE = "aspose-ocr-python-net"
OLDEST = "25.12.0"
"""The oldest release tried. 25.8.0 has no `aspose.ocr.ai.AsposeAI`."""

_INSTALL = f"-m pip install '{PACKAGE}>={OLDEST}'"
_DIRECTORY_ONLY = "set `discovery: [directory]` in the manifest to work without the engine's listing"
_WHEELS = ("linux x86_64", "darwin arm64")
"""`sys.platform` and machine for which there are wheels, all of them for Python before 3.14."""

_FAILED = {
    "import": "the engine could not be imported",
    "create": "AsposeAI() failed",
    "path": "get_local_path() failed",
    "point": "the engine could not be pointed at the model directory",
    "list": "list_local() failed",
    "free": "free_resources() failed",
}
_STDERR_LINES = 3
_PROXY_ERROR = re.compile(r"Proxy error\((\w+)\): (.*)", re.DOTALL)
_QUOTED_PATH = re.compile(r"'(/.*)'", re.DOTALL)


@runtime_checkable
class Engine(Protocol):
    """The three methods that make an object an engine; an `AsposeAI` has them as it is."""

    def list_local(self) -> Any:
        """An iterable of paths; each call reads the disk again."""

    def get_local_path(self) -> str:
        """The model directory; relative to the working directory unless configured."""

    def free_resources(self) -> None:
        """Let go of loaded models. Its return proves nothing: the real engine keeps them mapped until it exits."""


@dataclass(frozen=True, slots=True)
class Request:
    """What the child is asked: an absolute directory, or None for the engine's own, relative to `base`."""

    model_directory: str | None
    base: str

    def encode(self) -> bytes:
        """One line of ASCII."""
        return json.dumps({"model_directory": self.model_directory, "base": self.base}).encode("ascii") + b"\n"


@dataclass(frozen=True, slots=True)
class Ending:
    """How a child ended: the interpreter as it was started, exit code (negative: signal), answer, end of stderr."""

    python: str
    exit_code: int
    answer: bytes
    stderr: bytes


def facts_of(ending: Ending) -> EngineFacts:
    """What the child answered.

    Raises `EngineError` for a child that crashed, answered rubbish or was refused by the engine, and
    `ModelDirectoryError` where that is due to the model directory.
    """
    if ending.exit_code:
        raise EngineError(_crash(ending))
    document = _parse(ending)
    if "error" in document:
        raise _refusal(ending.python, document)
    if not _is_complete(document):
        raise _unusable(ending, "the answer lacks fields or has some of a wrong type")
    directory, prefix = document["model_directory"], document["prefix"]
    return EngineFacts(
        release=document["release"],
        python=document["python"],
        model_directory=directory,
        listing=relative_names(document["listing"], prefix, directory, document["asked"]),
    )


def relative_names(listing: list[str], prefix: str, directory: str, asked: str) -> tuple[str, ...]:
    """The listed paths relative to the model directory; one that is not in it stays, or is made, absolute.

    `prefix` is what `get_local_path()` answered, `asked` the same made absolute, `directory` what it leads to.
    """
    roots = tuple(root.rstrip("/") + "/" for root in (prefix, asked, directory))
    return tuple(_relative(path, roots, asked, prefix) for path in listing)


def _relative(path: str, roots: tuple[str, ...], asked: str, prefix: str) -> str:
    for root in roots:
        if path.startswith(root):
            return path[len(root) :]
    return posixpath.join(asked.removesuffix(prefix), path)


def listing_error(directory: str, asked: str, error_type: str, message: str) -> EngineError:
    """What a failed `list_local()` means; `asked` is the absolute path by which the engine knew `directory`.

    The engine raises RuntimeError("Proxy error(<.NET type>): <text>") for everything, with the path in quotes.
    """
    found = _PROXY_ERROR.fullmatch(message)
    net_type, text = found.groups() if found else (error_type, message)
    quoted = _QUOTED_PATH.search(text)
    path = quoted[1] if quoted else asked
    if net_type == "IOException" and text.startswith("Not a directory"):
        return ModelDirectoryError(f"{directory}: is not a directory; correct `modelPath`")
    if path.startswith(asked + "/"):
        return _bad_subdirectory(posixpath.join(directory, path[len(asked) + 1 :]), net_type)
    if net_type == "DirectoryNotFoundException":
        return ModelDirectoryError(f"{directory}: no such directory; create it or correct `modelPath`")
    if net_type == "UnauthorizedAccessException":
        return ModelDirectoryError(f"{directory}: may not be read by this user; run as a user who may read it")
    if net_type == "PathTooLongException":
        return ModelDirectoryError(f"{directory}: the path is too long for the engine; use a shorter `modelPath`")
    return EngineError(f"{directory}: list_local() failed: {net_type}: {text}; {_DIRECTORY_ONLY}")


def _bad_subdirectory(path: str, net_type: str) -> ModelDirectoryError:
    if "\ufffd" in path:
        what, remedy = "the name of this directory is not UTF-8", "rename it"
    elif net_type == "UnauthorizedAccessException":
        what, remedy = "this directory may not be read by this user", "make it readable"
    else:
        what, remedy = (
            f"the engine cannot read this directory ({net_type})",
            "repair it, or try again if it is changing",
        )
    return ModelDirectoryError(
        f"{path}: {what}, which fails the engine's whole listing; {remedy}, or {_DIRECTORY_ONLY}"
    )


def _parse(ending: Ending) -> dict[str, Any]:
    if not ending.answer:
        raise _unusable(ending, "it ended without an answer")
    try:
        document = json.loads(ending.answer)
    except (ValueError, RecursionError) as error:
        raise _unusable(ending, "the answer is not complete JSON") from error
    if not isinstance(document, dict):
        raise _unusable(ending, "the answer is not a JSON object")
    if document.get("protocol") != PROTOCOL:
        raise _unusable(ending, f"it speaks protocol {document.get('protocol')!r}, not {PROTOCOL}")
    return document


def _is_complete(document: dict[str, Any]) -> bool:
    texts = ("release", "python", "model_directory", "prefix", "asked")
    listing = document.get("listing")
    return (
        all(isinstance(document.get(key), str) for key in texts)
        and isinstance(listing, list)
        and all(isinstance(path, str) for path in listing)
    )


def _unusable(ending: Ending, what: str) -> EngineError:
    remedy = "check that `engine.python` names a Python 3.8 or newer"
    return EngineError(f"{ending.python}: {what}; {remedy}{_words(ending.stderr)}")


def _crash(ending: Ending) -> EngineError:
    code = ending.exit_code
    number = -code if code < 0 else code - 128  # a shell between us and the engine reports signals as 128 + number
    if number == signal.SIGABRT:
        what = f"the engine aborted its process (SIGABRT, code {code})"
        remedy = "see its words below for the cause, look for a memory limit (`ulimit -v`)"
    elif number in set(signal.Signals):
        what = f"the engine's process was killed by {signal.Signals(number).name} (code {code})"
        remedy = "look for the out-of-memory killer in the kernel's log"
    else:
        what = f"the engine's process ended with code {code}"
        remedy = "check that `engine.python` names a Python 3.8 or newer"
    return EngineError(f"{ending.python}: {what}; {remedy}, or {_DIRECTORY_ONLY}{_words(ending.stderr)}")


def _words(stderr: bytes) -> str:
    """What stderr says, as indented lines below a message: .NET says the cause first, Python last."""
    lines = [line for line in stderr.decode("utf-8", "backslashreplace").splitlines() if line.strip()]
    if len(lines) > 2 * _STDERR_LINES:
        lines = [*lines[:_STDERR_LINES], "…", *lines[-_STDERR_LINES:]]
    return "".join(f"\n  stderr: {line}" for line in lines)


def _refusal(python: str, document: dict[str, Any]) -> EngineError:
    error = document["error"] if isinstance(document["error"], dict) else {}
    kind, error_type, message = (str(error.get(key)) for key in ("kind", "type", "message"))
    directory, asked = str(document.get("model_directory")), str(document.get("asked"))
    if kind == "missing-package":
        return EngineError(_missing(python, str(document.get("version")), str(document.get("platform"))))
    if kind == "too-old":
        what = f"{PACKAGE} is too old there: it has no aspose.ocr.ai.AsposeAI"
        return EngineError(f"{python}: {what}; run `{python} {_INSTALL}`")
    if kind == "elsewhere":
        remedy = "remove `modelPath` from the manifest, or the engine's configuration"
        return EngineError(
            f"{message}: the engine is configured for this directory, not that of the manifest; {remedy}"
        )
    if kind == "list":
        return listing_error(directory, asked, error_type, message)
    what = _FAILED.get(kind, f"the engine failed ({kind})")
    return EngineError(f"{python}: {what}: {error_type}: {message}; {_DIRECTORY_ONLY}")


def _missing(python: str, version: str, platform: str) -> str:
    """Say that the package is not there, and whether it can be."""
    elsewhere = "or name the interpreter of the service that has it in `engine.python`"
    young = re.match(r"3\.(1[4-9]|[2-9]\d)\b", version) is not None
    if young or platform not in _WHEELS:
        why = f"there is none for Python {version}, use one before 3.14" if young else f"there is none for {platform}"
        return f"{python}: {PACKAGE} is not installed there, and {why}; {_DIRECTORY_ONLY}, {elsewhere}"
    return f"{python}: {PACKAGE} is not installed there; run `{python} {_INSTALL}`, {elsewhere}"
