"""The engine: whether it starts, which release it is, what its listing sees, and where it looks from here."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator

from reconciler.doctor.finding import Finding, Status, failure
from reconciler.engine.client import EngineChild
from reconciler.errors import EngineError
from reconciler.facts import EngineFacts
from reconciler.names import printable
from reconciler.quantities import plural

_PREFIX = "Aspose.AI.LLM/models"
_DEFAULT = "bartowski_Llama/Llama-3.2-3B-Instruct-Q4_K_M.gguf"
_SHALLOW = ("probe.bin", "probe_org/probe.gguf")
_DEEP = "probe_org/deeper/probe.gguf"


def engine(python: str | None, timeout: float, *, scans: bool, here: str, pointed: bool) -> Iterator[Finding]:
    """Start the engine once, on a probe directory with known files.

    `scans` says that the directory is scanned as well, so that what the listing lacks is found all the same;
    `pointed`, that the model directory is named, so that it does not matter where the engine looks from `here`.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="ocr-reconcile-") as home:
            _fill(os.path.join(home, _PREFIX))
            began = time.monotonic()
            with EngineChild.start(python, timeout) as child:
                facts = child.ask(None, home)
            took = time.monotonic() - began
    except EngineError as error:
        yield failure("engine", error)
    except OSError as error:
        what = f"the probe directory cannot be made: {error.strerror}"
        yield Finding(Status.UNKNOWN, "engine", what, "see `temporary directory`")
    else:
        yield Finding(Status.OK, "engine", f"release {printable(facts.release)} in {printable(facts.python)}")
        yield Finding(Status.OK, "engine start", f"{took:.2f} s from start to exit, of {timeout:g} s that it may take")
        if facts.model_directory == os.path.join(home, _PREFIX):
            yield _visibility(facts, scans=scans)
            yield _local_path(os.path.join(here, _PREFIX), pointed=pointed)
        else:
            yield _configured(facts.model_directory)


def listing(python: str | None, timeout: float, directory: str, here: str) -> Finding:
    """Whether `list_local()` can read the model directory: one bad subdirectory fails it as a whole."""
    try:
        with EngineChild.start(python, timeout) as child:
            facts = child.ask(directory, here)
    except EngineError as error:
        return failure("listing", error)
    return Finding(Status.OK, "listing", f"list_local() gives {plural(len(facts.listing), 'path')} there")


def default_directory(here: str) -> str | None:
    """The directory in which the engine looks for its own models from `here`, if it is there."""
    path = os.path.join(here, _PREFIX)
    return path if os.path.isdir(path) else None


def _fill(models: str) -> None:
    for name in (*_SHALLOW, _DEFAULT, _DEEP):
        path = os.path.join(models, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "xb"):
            pass


def _visibility(facts: EngineFacts, *, scans: bool) -> Finding:
    name, seen = "visibility", set(facts.listing)
    if seen == {*_SHALLOW, _DEFAULT}:
        return Finding(Status.OK, name, "list_local() sees every file at depth 1 and 2, as the scan does")
    if seen == {_DEFAULT}:
        what = "list_local() of this release sees only the engine's built-in default model"
        if scans:
            return Finding(Status.OK, name, f"{what}; the scan of the directory finds the others")
        return Finding(
            Status.WARN, name, f"{what}, so that nothing else is ever planned", "set `discovery: [engine, directory]`"
        )
    told = printable(", ".join(sorted(seen)) or "nothing")
    what = f"list_local() saw {told} of known files: no release that was tried does that"
    return Finding(Status.UNKNOWN, name, what, "compare `audit` with the directory before you apply")


def _local_path(directory: str, *, pointed: bool) -> Finding:
    name, shown = "get_local_path()", printable(directory)
    if os.path.isdir(directory):
        return Finding(Status.OK, name, f"means {shown} from this working directory")
    what = f"means {shown} from this working directory, which is not there"
    if pointed:
        return Finding(Status.OK, name, f"{what}; the named model directory is used instead")
    remedy = "set spec.modelPath, or start in the working directory of the service"
    return Finding(Status.WARN, name, what, remedy)


def _configured(directory: str) -> Finding:
    what = f"is configured as {printable(directory)}, so that the probe directory could not be listed"
    return Finding(Status.UNKNOWN, "get_local_path()", what, "compare it with spec.modelPath")
