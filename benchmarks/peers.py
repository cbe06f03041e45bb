"""The peers: what they are called, how they are installed where they are missing, which releases they are."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator, Mapping

from benchmarks.suite import REPOSITORY

ENVIRONMENT = os.path.join(REPOSITORY, ".venv-bench")
DISTRIBUTIONS = ("ansible-core", "huggingface_hub", "PyYAML")
_PYTHON_COMMANDS = ("ansible-playbook", "hf")
DEBIAN = {
    "rclone": "rclone",
    "rsync": "rsync",
    "lsof": "lsof",
    "fuser": "psmisc",
    "openssl": "openssl",
    "hyperfine": "hyperfine",
    "find": "findutils",
    "rm": "coreutils",
    "cat": "coreutils",
}
"""Commands of the operating system, and the Debian package of each."""

_VERSION = re.compile(r"\d+(?:\.\d+)+[\w.+-]*")
_ASK_VERSIONS = """
import importlib.metadata, sys
for name in sys.argv[1:]:
    try:
        print(name, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        pass
"""
_ASK = {"openssl": "version", "rclone": "version", "fuser": "-V", "lsof": "-v"}


def install() -> dict[str, str | None]:
    """Install what is missing and can be; the path of every peer, None for one that there is not."""
    _install_debian([package for command, package in DEBIAN.items() if shutil.which(command) is None])
    _install_python()
    tools = {command: shutil.which(command) for command in DEBIAN}
    for command in _PYTHON_COMMANDS:
        path = os.path.join(ENVIRONMENT, "bin", command)
        tools[command] = path if os.path.exists(path) else None
    tools["PyYAML"] = _python_versions().get("PyYAML")
    return tools


def versions(tools: Mapping[str, str | None]) -> Iterator[tuple[str, str]]:
    """The release of every peer, or that it is missing."""
    found = _python_versions()
    for distribution in DISTRIBUTIONS:
        yield distribution, found.get(distribution) or "missing"
    for command in DEBIAN:
        path = tools.get(command)
        yield command, _ask(path, _ASK.get(command, "--version")) if path else "missing"


def _install_debian(packages: list[str]) -> None:
    apt = shutil.which("apt-get")
    if not packages or apt is None or os.geteuid() != 0:
        return
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (("update",), ("install", "--yes", "--no-install-recommends", *packages)):
        _attempt([apt, "-qq", *arguments], environment)


def _install_python() -> None:
    if len(_python_versions()) == len(DISTRIBUTIONS):
        return
    venv.create(ENVIRONMENT, with_pip=True)
    python = os.path.join(ENVIRONMENT, "bin", "python")
    _attempt([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *DISTRIBUTIONS], os.environ)


def _attempt(command: list[str], environment: Mapping[str, str]) -> None:
    """Run an installer; when it fails, say so here, and the missing peer says so in the results."""
    done = subprocess.run(command, env=dict(environment), capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"could not install: {' '.join(command)}\n{done.stderr.strip()}", file=sys.stderr)


def _python_versions() -> dict[str, str]:
    """The distributions in the peers' environment; empty where there is no such environment."""
    python = os.path.join(ENVIRONMENT, "bin", "python")
    if not os.path.exists(python):
        return {}
    told = subprocess.run(
        [python, "-c", _ASK_VERSIONS, *DISTRIBUTIONS], capture_output=True, text=True, check=True
    ).stdout
    return dict(line.split() for line in told.splitlines())


def _ask(command: str, flag: str) -> str:
    done = subprocess.run([command, flag], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    found = _VERSION.search(done.stdout + done.stderr)
    return found.group() if found else "unknown"
