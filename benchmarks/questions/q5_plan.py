"""A whole plan, from the command to its last line, beside the dry runs of the tools that synchronise directories."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.data import exact_rules, glob_rules, make_names, make_tree, manifest_text, write
from benchmarks.suite import Bench, Comparison, Side

TITLE = "Whole plan"
ABOUT = (
    "Whole processes, no engine, 11 % of the files to be deleted. The peers compare with a second directory that "
    "holds the wanted files, same sizes and times: their form of a manifest."
)

_EXACT = "a rule for each file: reading and validating the manifest is most of it"


def comparisons(bench: Bench) -> Iterator[Comparison]:
    for size in bench.sizes:
        large = size == 100_000
        for kind, target, limit in (("globs", 1.0, ""), ("exact entries", 2.2, _EXACT)):
            ours = plan_side(bench, kind, size)
            what = f"plan, {kind}"
            yield Comparison(what, ours, rclone_side(bench, size), size, target if large else None, limit=limit)
            yield Comparison(what, ours, _rsync(bench, size), size)
    for kind in ("globs", "exact entries"):
        yield from bench.growth(f"plan, {kind}", lambda size, kind=kind: plan_side(bench, kind, size))  # type: ignore[misc]


def plan_side(bench: Bench, kind: str, size: int) -> Side:
    """Our plan of `size` files, by a few globs or by an exact entry for each wanted file."""
    names = make_names(size)
    models = make_tree(bench.path(f"models-{size}"), names.all)
    rules = glob_rules() if kind == "globs" else exact_rules(names.wanted)
    manifest = write(bench.path(f"plan-{kind.partition(' ')[0]}-{size}.yaml"), manifest_text(models, rules))
    return bench.ours("plan", "-f", manifest)


def rclone_side(bench: Bench, size: int) -> Side:
    """`rclone sync --dry-run` of the wanted files onto the same directory."""
    wanted, models = _trees(bench, size)
    environment = {"RCLONE_CONFIG": ""}
    return bench.tool("rclone sync --dry-run", "rclone", "sync", "--dry-run", wanted, models, environment=environment)


def _rsync(bench: Bench, size: int) -> Side:
    wanted, models = _trees(bench, size)
    return bench.tool("rsync -an --delete", "rsync", "-anv", "--delete", wanted + "/", models + "/")


def _trees(bench: Bench, size: int) -> tuple[str, str]:
    names = make_names(size)
    wanted = make_tree(bench.path(f"wanted-{size}"), names.wanted)
    return wanted, make_tree(bench.path(f"models-{size}"), names.all)
