"""The machine and our own process: Python, temporary directory, globalization, processes."""

from __future__ import annotations

import glob
import os
import platform
import re
import sys
import tempfile
from collections.abc import Mapping

from reconciler import __version__
from reconciler.doctor.finding import Finding, Status
from reconciler.holders.mounts import hides_processes
from reconciler.names import printable

_INVARIANT = "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT"
_OLDEST_ICU, _NEWEST_ICU = 50, 70
"""What .NET Core 3.1 looks for."""
_ICU_PLACES = ("/usr/lib/*/libicuuc.so.*", "/usr/lib/libicuuc.so.*", "/usr/lib64/libicuuc.so.*", "/lib/libicuuc.so.*")
_INITIAL_PID_NAMESPACE = "pid:[4026531836]"  # PROC_PID_INIT_INO of the kernel's include/linux/proc_ns.h
_ENOUGH = 1 << 20


def python() -> Finding:
    """Our own interpreter and platform."""
    system = f"{sys.platform} {platform.machine()}"
    what = f"ocr-reconcile {__version__} on Python {platform.python_version()} ({printable(sys.executable)}), {system}"
    if sys.platform != "linux":
        return Finding(Status.WARN, "python", f"{what}: tried on Linux only", "run it on the Linux host of the models")
    return Finding(Status.OK, "python", what)


def temporary_directory() -> Finding:
    """Whether a private directory can be made and written, which the engine's process needs."""
    name, remedy = "temporary directory", "set TMPDIR to a directory that this user may write, with some room"
    try:
        with tempfile.TemporaryDirectory(prefix="ocr-reconcile-") as home, open(f"{home}/probe", "wb") as file:
            file.write(bytes(_ENOUGH))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        where = printable(os.fsdecode(error.filename)) if error.filename else os.environ.get("TMPDIR", "none usable")
        return Finding(Status.FAIL, name, f"{where}: cannot be written: {error.strerror}", remedy)
    return Finding(Status.OK, name, f"{printable(tempfile.gettempdir())}: can be written")


def globalization(environment: Mapping[str, str] = os.environ) -> Finding:
    """Whether an AsposeAI() that a service creates itself would abort for want of ICU; our own child never does."""
    name, value = "globalization", environment.get(_INVARIANT)
    if value is not None and value.lower() not in {"1", "true"}:
        what = f"{_INVARIANT}={printable(value)} is not understood; AsposeAI() aborts where ICU 50 to 70 is missing"
        return Finding(Status.WARN, name, what, f"set {_INVARIANT}=1 for the service too")
    if value:
        return Finding(Status.OK, name, f"{_INVARIANT} is set")
    found = icu_releases()
    if any(_OLDEST_ICU <= release <= _NEWEST_ICU for release in found):
        return Finding(Status.OK, name, f"ICU {max(found)} is there; the engine's child needs none")
    have = f"ICU {max(found)} is too new for it" if found else "there is no ICU"
    what = f"the engine's child runs without ICU; an AsposeAI() of your own would abort its process: {have}"
    return Finding(Status.OK, name, what, f"set {_INVARIANT}=1 in a service before it imports aspose")


def icu_releases() -> list[int]:
    """The major releases of ICU whose libraries lie where the loader looks."""
    paths = [path for place in _ICU_PLACES for path in glob.glob(place)]
    return sorted({int(found[1]) for path in paths if (found := re.search(r"\.so\.(\d+)", path))})


def processes() -> Finding:
    """Whether /proc shows every process that could hold a model."""
    name, remedy = "processes", "look on the host, or as root, before you believe that nobody holds a model"
    try:
        namespace = os.readlink("/proc/self/ns/pid")
    except OSError as error:
        return Finding(Status.UNKNOWN, name, f"/proc cannot be read: {error.strerror}", "mount /proc")
    if namespace != _INITIAL_PID_NAMESPACE:
        what = "this is a PID namespace of its own (a container): leases see holders outside of it, but not their names"
        return Finding(Status.WARN, name, what, remedy)
    if hides_processes():
        return Finding(Status.WARN, name, "/proc hides processes of other users (hidepid)", remedy)
    if os.geteuid():
        what = "holders of other users show as unknown or without a name"
        return Finding(Status.OK, name, f"initial PID namespace, not root: {what}")
    return Finding(Status.OK, name, "initial PID namespace, all processes can be read")
