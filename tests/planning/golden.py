"""Pairs of policy and inventory with their verdicts, one readable file a theme in `golden/`.

`python -m tests.planning.golden` writes the verdicts of this moment into the files: read the diff before you keep it.
A file of an inventory is its age (`40d`), or a mapping of `age`, `size`, `inode`, `links`, `sha256`.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import LiteralScalarString

from reconciler.facts import Digest, FileFacts
from reconciler.manifest.quantities import parse_seconds
from reconciler.planning.diff import Context
from reconciler.planning.memory import Memory, Sighting
from reconciler.planning.plan import Plan, make_plan
from reconciler.report.rows import STATUS
from tests.planning.build import CREATED, file, inventory, manifest

FOLDER = Path(__file__).parent / "golden"
NOW = 1_795_366_800  # CREATED


def cases() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted(FOLDER.glob("*.yaml")):
        for case in YAML(typ="safe").load(path):
            yield f"{path.stem}: {case['case']}", case


def verdicts(case: dict[str, Any]) -> str:
    """A line for each decision, notice and guard."""
    plan = _plan(case)
    width = max((len(decision.name) for decision in plan.decisions), default=0)
    lines = [f"{STATUS[d.verdict]:<10} {d.name:<{width}}  {d.reason}" for d in plan.decisions]
    lines += [f"notice: {notice.text}" for notice in plan.notices]
    lines += [f"guard {guard.name}: {guard.message}" for guard in plan.guards]
    return "\n".join([*lines, f"{plan.bytes_to_delete} bytes to delete"]) + "\n"


def _plan(case: dict[str, Any]) -> Plan:
    files = {name: _file(name, given) for name, given in case.get("files", {}).items()}
    digests = {
        name: Digest("", given["fault"]) if "fault" in given else Digest(given["sha256"])
        for name, given in case.get("files", {}).items()
        if isinstance(given, dict) and ("sha256" in given or "fault" in given)
    }
    seen = {name: _sighting(files[name], age) for name, age in case.get("seen", {}).items() if name in files}
    memory = Memory(seen, frozenset(case.get("protected", [])), case.get("fault", ""))
    context = Context(memory=memory, digests=digests, unprotect=frozenset(case.get("unprotect", [])))
    listed = frozenset(case["listed"]) if "listed" in case else None
    found = inventory(*files.values(), listed=listed, aliases=case.get("links"))
    limits = {"maxDeletePercent": 100, "minKeep": 0}
    wanted = manifest(**{"limits": limits, **case["spec"]})
    return make_plan(wanted, found, created=CREATED, host="host1", overrides=frozenset(), context=context)


def _file(name: str, given: Any) -> FileFacts:
    facts = given if isinstance(given, dict) else {"age": given}
    mtime_ns = (NOW - round(parse_seconds(facts.get("age", "0s")))) * 10**9
    made = file(name, facts.get("size", 100), inode=facts.get("inode"), mtime_ns=mtime_ns)
    return made._replace(links=facts.get("links", 1))


def _sighting(file: FileFacts, age: str) -> Sighting:
    return Sighting(NOW - parse_seconds(age.removesuffix(" other")), file.size + ("other" in age), file.mtime_ns)


def rewrite() -> None:
    yaml = YAML()
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    for path in sorted(FOLDER.glob("*.yaml")):
        loaded = yaml.load(path)
        for case in loaded:
            case["verdicts"] = LiteralScalarString(verdicts(case))
        text = StringIO()
        yaml.dump(loaded, text)
        path.write_text(text.getvalue())


if __name__ == "__main__":
    rewrite()
