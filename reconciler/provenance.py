"""Who runs this, where, from which commit and which pipeline: what a history is read for at 3 a.m."""

from __future__ import annotations

import getpass
import os
import platform
import subprocess
from collections.abc import Mapping
from contextlib import suppress

from reconciler import invocation
from reconciler.redaction import redacted

_RUN_ADDRESSES = ("CI_JOB_URL", "BUILD_URL", "CIRCLE_BUILD_URL", "BUILDKITE_BUILD_URL")
"""Variables in which a pipeline gives the address of its run; GitHub's has to be put together."""

_COMMITS = ("GITHUB_SHA", "CI_COMMIT_SHA", "GIT_COMMIT", "CIRCLE_SHA1", "BUILDKITE_COMMIT")

_GIT_TIMEOUT = 5.0


def provenance(manifest_directory: str, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """User, host, the log's id, and where they are known: the pipeline's run, its commit, the manifest's revision.

    A `-dirty` behind the revision says that the working tree differs from it.
    """
    found = {
        "user": _user(),
        "host": platform.node(),
        "log_run": invocation.ID,
        "pipeline": _pipeline(environment),
        "commit": next((environment[name] for name in _COMMITS if environment.get(name)), ""),
        "git_revision": _git_revision(manifest_directory),
    }
    return {name: redacted(value) for name, value in found.items() if value}


def _user() -> str:
    with suppress(OSError, KeyError):  # a container may run as a number that has no name
        return getpass.getuser()
    return str(os.getuid())


def _pipeline(environment: Mapping[str, str]) -> str:
    parts = [environment.get(name, "") for name in ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")]
    if all(parts):
        server, repository, run = parts
        return f"{server}/{repository}/actions/runs/{run}"
    return next((environment[name] for name in _RUN_ADDRESSES if environment.get(name)), "")


def _git_revision(directory: str) -> str:
    """What `git describe` says of the checkout that holds the manifest; empty outside one, or without git."""
    command = ["git", "-C", directory, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    with suppress(OSError, subprocess.TimeoutExpired):
        answer = subprocess.run(command, capture_output=True, text=True, timeout=_GIT_TIMEOUT, check=False)
        return answer.stdout.strip() if answer.returncode == 0 else ""
    return ""
