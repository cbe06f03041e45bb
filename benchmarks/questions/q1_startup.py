"""Start-up: what a person waits for on small input, beside an empty interpreter, the bare engine and other tools."""

from __future__ import annotations

import importlib.util
import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator

from benchmarks.data import exact_rules, make_names, make_tree, manifest_text, write
from benchmarks.suite import REPOSITORY, Bench, Comparison, Side

TITLE = "Start-up"
ABOUT = (
    "Whole processes, ten models. `python -c pass` is the same interpreter in the same environment. In the first row "
    "both sides are that: timed by this runner, and by hyperfine (the median of ten)."
)

_PLAYBOOK = """\
- hosts: localhost
  gather_facts: false
  tasks:
    - file: {path: /nowhere/model.bin, state: absent}
"""


def comparisons(bench: Bench) -> Iterator[Comparison]:
    empty = Side("python -c pass", (bench.python, "-c", "pass"))
    yield Comparison("python -c pass, by this runner", empty, _hyperfine(bench))
    interpreter = "the interpreter and click themselves"
    yield Comparison("--help", bench.ours("--help"), empty, target=4.5, limit=interpreter)
    yield Comparison("--version", bench.ours("--version"), empty, target=4.5, limit=interpreter)
    manifest = _manifest(bench, "directory")
    yield Comparison("validate", bench.ours("validate", manifest), empty, 10)
    plan = bench.ours("plan", "-f", manifest)
    yield Comparison("plan, discovery: [directory]", plan, _hf(bench), 10, 0.95, limit="importing pydantic")
    yield from _with_engine(bench)


def _with_engine(bench: Bench) -> Iterator[Comparison]:
    bare, plan = _bare(bench), bench.ours("plan", "-f", _manifest(bench, "engine, directory"))
    if importlib.util.find_spec("aspose") is None:
        bare = plan = Side("", missing="the engine has no package for this platform")
    yield Comparison("plan, real engine", plan, bare, 10, 1.35, limit="two interpreters start instead of one")
    playbook = write(bench.path("playbook.yml"), _PLAYBOOK)
    environment = {"ANSIBLE_HOME": bench.path("ansible"), "ANSIBLE_LOCALHOST_WARNING": "false"}
    arguments = (
        "--check",
        "-i",
        "localhost,",
        "-c",
        "local",
        "-e",
        f"ansible_python_interpreter={bench.peer_python()}",
        playbook,
    )
    ansible = bench.tool("ansible-playbook --check", "ansible-playbook", *arguments, environment=environment)
    yield Comparison("plan, real engine", plan, ansible, 10, 0.30)


def _hyperfine(bench: Bench) -> Side:
    """Checks how one command is timed here; it does not run two in turn, so it times nothing else."""
    path = bench.tools.get("hyperfine")
    if path is None:
        return bench.tool("hyperfine", "hyperfine")
    return bench.piece("hyperfine", __name__, path, bench.python)


def _manifest(bench: Bench, discovery: str) -> str:
    names = make_names(10)
    models = make_tree(bench.path("models-10"), names.all)
    text = manifest_text(models, exact_rules(names.wanted), discovery)
    return write(bench.path(f"startup-{discovery.partition(',')[0]}.yaml"), text)


def _bare(bench: Bench) -> Side:
    """The engine looks below its working directory, so that gets the same layout that our child makes for itself."""
    home = bench.path("bare-engine")
    os.makedirs(os.path.join(home, "Aspose.AI.LLM"), exist_ok=True)
    link = os.path.join(home, "Aspose.AI.LLM", "models")
    if not os.path.islink(link):
        os.symlink(bench.path("models-10"), link)
    return Side(
        "bare engine script", (bench.python, os.path.join(REPOSITORY, "benchmarks", "bare_engine.py")), cwd=home
    )


def _hf(bench: Bench) -> Side:
    home = bench.path("hf-home")
    os.makedirs(os.path.join(home, "hub"), exist_ok=True)
    environment = {"HF_HOME": home, "HF_HUB_DISABLE_UPDATE_CHECK": "1", "HF_HUB_OFFLINE": "1"}
    return bench.tool("hf cache ls, empty cache", "hf", "cache", "ls", environment=environment)


def piece(hyperfine: str, python: str) -> None:
    with tempfile.NamedTemporaryFile() as told:
        empty = shlex.join((python, "-c", "pass"))
        command = (hyperfine, "-N", "--warmup", "1", "--runs", "10", "--export-json", told.name, empty)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        print(json.load(told)["results"][0]["median"])


if __name__ == "__main__":
    piece(*sys.argv[1:])
