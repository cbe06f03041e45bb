"""What the numbers were measured on, read from the machine."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from benchmarks.suite import REPOSITORY

_LIBRARIES = ("aspose-ocr-python-net", "click", "deepdiff", "pydantic", "ruamel.yaml", "ruamel.yaml.clib")


def describe(data: str) -> Iterator[tuple[str, str]]:
    """Names and values of what a reader must know; `data` is the directory that the data are in."""
    yield "processor", _line("/proc/cpuinfo", "model name", ":") or platform.processor() or "unknown"
    yield "cores", f"{len(os.sched_getaffinity(0))} of {os.cpu_count()}"
    memory = _line("/proc/meminfo", "MemTotal", ":")
    yield "memory", f"{int(memory.split()[0]) / 2**20:.1f} GiB" if memory else "unknown"
    yield "kernel", f"{platform.system()} {platform.release()} {platform.machine()}"
    yield "file system of the data", _file_system(data)
    yield "load average at the start", " ".join(f"{load:.2f}" for load in os.getloadavg())
    yield "Python", f"{platform.python_implementation()} {platform.python_version()}"
    yield "ocr-reconcile", _revision()
    for library in _LIBRARIES:
        try:
            yield library, version(library)
        except PackageNotFoundError:
            yield library, "missing"


def _line(path: str, key: str, separator: str) -> str:
    """The value of the first line of a file of the kernel that starts with `key`; empty where there is none."""
    try:
        with open(path, encoding="utf-8") as file:
            for line in file:
                name, _, value = line.partition(separator)
                if name.strip() == key:
                    return value.strip()
    except OSError:
        pass
    return ""


def _file_system(path: str) -> str:
    """The type of the file system that holds `path`: that of the longest mount point above it."""
    if sys.platform != "linux":
        return "unknown"
    found = ("", "unknown")
    with open("/proc/self/mounts", encoding="utf-8") as file:
        for line in file:
            _, point, kind, *_ = line.split()
            if (path + "/").startswith(point.rstrip("/") + "/") and len(point) >= len(found[0]):
                found = point, kind
    return found[1]


def _revision() -> str:
    """The commit that was measured."""
    command = ["git", "-C", REPOSITORY, "describe", "--always", "--dirty", "--exclude=*"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown commit"
