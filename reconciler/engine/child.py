"""The engine's side of the boundary: lists, frees, answers, exits.

Started as `<python> -I child.py` by `client` in a private working directory, and never imported. It runs in the
environment of the service, so it uses the standard library alone and syntax of Python 3.8. It is the only file
that imports `aspose`.

In: one line of JSON on stdin, `{"model_directory": path or null, "base": path}`; the end of stdin instead of it
means that nobody wants to know. Out: one line of JSON, ASCII, on the descriptor that was stdout; `protocol.py`
says what is in it. Whatever the engine prints goes to stderr.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from typing import Any, Dict, Optional

PROTOCOL = 1  # as in protocol.py, which cannot be imported from here


class Refusal(Exception):  # noqa: N818 - not an error of ours: what is told to the client
    """Something failed; `kind` is the word by which the client knows it."""

    def __init__(self, kind: str, cause: BaseException) -> None:
        super().__init__(kind)
        self.kind = kind
        self.cause = cause


def load() -> Any:
    """Import the engine, which starts its .NET runtime, and create it: nine tenths of the time of this process."""
    try:
        from aspose.ocr.ai import AsposeAI
    except ModuleNotFoundError as error:
        ours = (error.name or "").split(".")[0] == "aspose"
        raise Refusal("missing-package" if ours else "import", error) from error
    except AttributeError as error:  # 25.8.0 and older have no AsposeAI there, and do not raise ImportError
        raise Refusal("too-old", error) from error
    except Exception as error:
        raise Refusal("import", error) from error
    try:
        return AsposeAI()
    except Exception as error:
        raise Refusal("create", error) from error


def release() -> str:
    """The engine's release, from the directory of its metadata: importlib.metadata takes as long as the listing."""
    import aspose

    try:
        beside = os.listdir(os.path.dirname(os.path.dirname(aspose.__file__)))
    except (OSError, TypeError):
        return "unknown"
    head, tail = "aspose_ocr_python_net-", ".dist-info"
    found = [name[len(head) : -len(tail)] for name in beside if name.startswith(head) and name.endswith(tail)]
    return found[0] if len(found) == 1 else "unknown"


def warm_up(engine: Any, prefix: str) -> None:
    """List an empty directory: the first listing compiles the engine's code for it, for 80 ms in 26.10.0.

    The client does its own work meanwhile, and a client that already waits loses nothing. A failure here is
    left to the real listing to report.
    """
    if os.path.isabs(prefix):
        return
    if ".." in prefix.split("/"):
        raise ValueError("it looks outside of its working directory: " + prefix)
    os.makedirs(prefix)
    with contextlib.suppress(Exception):
        engine.list_local()
    os.rmdir(prefix)


def point(prefix: str, wanted: Optional[str], base: str) -> str:
    """Make the engine's relative path mean the wanted directory, through a symlink; return the directory, absolute."""
    if os.path.isabs(prefix):
        if wanted is not None and not os.path.samefile(prefix, wanted):
            raise Refusal("elsewhere", ValueError(prefix))
        return prefix
    target = os.path.join(base, prefix) if wanted is None else wanted
    os.symlink(target, prefix)
    return target


def ask(engine: Any, told: Dict[str, Any]) -> bool:
    """List and free; `told` gets what was learned so far, also when a step fails. False where no request came."""
    step = "path"
    try:
        told["prefix"] = prefix = str(engine.get_local_path()).rstrip("/") or "/"
        step = "point"
        told["asked"] = os.path.join(os.getcwd(), prefix)
        warm_up(engine, prefix)
        line = sys.stdin.buffer.readline()
        if not line.endswith(b"\n"):
            return False
        request = json.loads(line)
        told["model_directory"] = point(prefix, request["model_directory"], request["base"])
        step = "list"
        told["listing"] = [str(path) for path in engine.list_local()]
        step = "free"
        engine.free_resources()
    except Refusal:
        raise
    except Exception as error:
        raise Refusal(step, error) from error
    return True


def tidy(told: Dict[str, Any]) -> None:
    """Remove what was made here, and this directory where that leaves it empty, as the client does if it lives."""
    prefix = told.get("prefix", "/")
    inside = not os.path.isabs(prefix) and ".." not in prefix.split("/")
    with contextlib.suppress(OSError):
        if "model_directory" in told and inside:
            os.unlink(prefix)
    with contextlib.suppress(OSError):
        if inside:
            os.removedirs(os.path.dirname(prefix))
    with contextlib.suppress(OSError):
        os.rmdir(os.getcwd())


def converse() -> Optional[Dict[str, Any]]:
    """The answer, or None where no request came."""
    told: Dict[str, Any] = {
        "protocol": PROTOCOL,
        "python": sys.executable,
        "version": ".".join(map(str, sys.version_info[:3])),
        "platform": "%s %s" % (sys.platform, os.uname().machine),
    }
    try:
        engine = load()
        told["release"] = release()
        return told if ask(engine, told) else None
    except Refusal as refusal:
        cause = refusal.cause
        told["error"] = {"kind": refusal.kind, "type": type(cause).__name__, "message": str(cause)}
        return told
    finally:
        tidy(told)


def main() -> None:
    """Keep the answer's pipe from the native code, which prints to descriptor 1."""
    pipe = os.dup(1)
    os.dup2(2, 1)
    told = converse()
    if told is not None:
        with os.fdopen(pipe, "wb") as answer:
            answer.write(json.dumps(told).encode("ascii") + b"\n")
    # No orderly end of the runtime: the kernel releases what the process holds, and nothing is left to abort or hang.
    os._exit(0)


if __name__ == "__main__":
    main()
