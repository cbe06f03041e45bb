"""Run the suite: `python -m benchmarks [--quick] [--only QUESTION] [--out FILE]`."""

from __future__ import annotations

import argparse
import os
from compileall import compile_dir
from dataclasses import dataclass, field

from benchmarks import machine, peers
from benchmarks.measure import Effort, Stopwatch, stopwatch
from benchmarks.report import Section, document, glance, line_for_terminal
from benchmarks.suite import REPOSITORY, Bench, Question, questions

RESULTS = os.path.join(REPOSITORY, "benchmarks", "RESULTS.md")
DATA = os.path.join(REPOSITORY, ".bench-data")

# A row with a target is measured longer than one that only informs.
_FULL = Effort(seconds=10.0, fewest=3, most=31), Effort(seconds=3.0, fewest=3, most=15), (10, 1_000, 10_000, 100_000)
_QUICK = Effort(seconds=2.0, fewest=5, most=15), Effort(seconds=0.2, fewest=1, most=5), (1_000, 10_000)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer pairs, at most 10,000 models")
    parser.add_argument(
        "--only", action="append", metavar="QUESTION", help="a file of benchmarks/questions; may be repeated"
    )
    parser.add_argument(
        "--out", metavar="FILE", help="where to write the results (default: RESULTS.md for the whole suite)"
    )
    arguments = parser.parse_args()
    aimed, other, sizes = _QUICK if arguments.quick else _FULL
    compile_dir(os.path.join(REPOSITORY, "reconciler"), quiet=1)  # as pip does with all that it installs, but for us
    tools = peers.install()
    os.makedirs(DATA, exist_ok=True)
    bench = Bench(DATA, peers.ENVIRONMENT, tools, sizes)
    facts = [*machine.describe(DATA), *peers.versions(tools)]
    asked = {name: question for name, question in questions().items() if not arguments.only or name in arguments.only}
    with stopwatch() as watch:
        ask = _Asking(bench, watch, aimed, other)
        sections = [ask(question) for question in asked.values()]
        floor = watch.floor()
    print(f"\n{glance(sections)}")
    out = arguments.out or (None if arguments.quick or arguments.only else RESULTS)
    if out is not None:
        with open(out, "w", encoding="utf-8") as file:
            file.write(document(sections, facts, floor))
        print(f"\nwritten to {out}, with all that was measured")


@dataclass(slots=True)
class _Asking:
    """Measures what a question compares, with `aimed` effort where there is a target. `warm` has run already."""

    bench: Bench
    watch: Stopwatch
    aimed: Effort
    other: Effort
    warm: set[tuple[str, ...]] = field(default_factory=set)

    def __call__(self, question: Question) -> Section:
        print(f"\n{question.TITLE}", flush=True)
        measured = []
        for comparison in question.comparisons(self.bench):
            effort = self.other if comparison.target is None else self.aimed
            measured.append(self.watch.measure(comparison, effort, self.warm))
            print(f"  {line_for_terminal(measured[-1])}", flush=True)
        return Section(question.TITLE, question.ABOUT, measured)


if __name__ == "__main__":
    main()
