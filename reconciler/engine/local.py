"""The caller's own live engine object, in the caller's own process.

It cannot be timed out (the real engine holds the GIL during its calls) and its process lives on, so what a
loaded model keeps mapped stays mapped. `EngineChild` has neither limit.
"""

from __future__ import annotations

import os
import sys
from importlib import metadata

from reconciler.engine.protocol import PACKAGE, Engine, listing_error, relative_names
from reconciler.errors import EngineError, ModelDirectoryError
from reconciler.facts import EngineFacts

_METHODS = ("list_local", "get_local_path", "free_resources")


class LocalEngine:
    """Observes and releases through one engine object, for example an `AsposeAI`."""

    def __init__(self, engine: object) -> None:
        """Raises `EngineError` when one of the three methods is missing."""
        missing = [f"{name}()" for name in _METHODS if not callable(getattr(engine, name, None))]
        if missing or not isinstance(engine, Engine):
            what = f"is not an engine: it lacks {', '.join(missing)}"
            raise EngineError(f"{_name(engine)}: {what}; pass an AsposeAI object, or one with these methods")
        self._engine = engine

    def observe(self, model_directory: str | None, base: str) -> EngineFacts:
        """List, without freeing anything; `base` is the working directory, to which the engine's path is relative.

        Raises `ModelDirectoryError` when the engine cannot read its directory, and `EngineError` when it fails
        or looks into another directory than `model_directory`.
        """
        prefix = self._prefix()
        asked = os.path.join(base, prefix)
        if model_directory is not None:
            _check_same(asked, model_directory)
        directory = model_directory or asked
        try:
            listing = [str(path) for path in self._engine.list_local()]
        except Exception as error:  # the engine raises RuntimeError, another object may raise anything
            raise listing_error(directory, asked, type(error).__name__, str(error)) from error
        names = relative_names(listing, prefix, directory, asked)
        return EngineFacts(self._release(), sys.executable, directory, names, in_process=True)

    def release(self) -> None:
        """Call `free_resources()` on the object; whether anything was released is for the proof to say.

        Raises `EngineError` when it fails. A disposed engine is a released one.
        """
        try:
            self._engine.free_resources()
        except Exception as error:
            if not str(error).startswith("Proxy error(ObjectDisposedException)"):
                raise self._failed("free_resources()", error) from error

    def _prefix(self) -> str:
        try:
            return str(self._engine.get_local_path()).rstrip("/") or "/"
        except Exception as error:
            raise self._failed("get_local_path()", error) from error

    def _failed(self, method: str, error: Exception) -> EngineError:
        what = f"{method} failed: {type(error).__name__}: {error}"
        return EngineError(f"{_name(self._engine)}: {what}; create the engine anew, and run again")

    def _release(self) -> str:
        if not type(self._engine).__module__.startswith("aspose"):
            return "unknown"
        try:
            return metadata.version(PACKAGE)
        except metadata.PackageNotFoundError:
            return "unknown"


def _name(engine: object) -> str:
    return f"{type(engine).__module__}.{type(engine).__qualname__}"


def _check_same(asked: str, wanted: str) -> None:
    """The engine must look where the manifest says, whatever both are called."""
    for path in (asked, wanted):
        if not os.path.isdir(path):
            remedy = "create it, or change to the directory in which the engine's path is valid"
            raise ModelDirectoryError(f"{path}: no such directory; {remedy}")
    if not os.path.samefile(asked, wanted):
        remedy = "change to the directory in which they are the same, or correct `modelPath`"
        raise EngineError(f"{wanted}: the engine looks into {asked} instead; {remedy}")
