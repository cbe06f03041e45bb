"""The tutorial's process: a real `AsposeAI` of its own, reconciled in place. Run by test_applying.

    cd SERVICE && python -m tests.live MANIFEST

Prints one JSON document of what it saw.
"""

from __future__ import annotations

import json
import os
import sys

os.environ["DOTNET_SYSTEM_GLOBALIZATION_INVARIANT"] = "1"  # before the import, or the constructor aborts the process

from aspose.ocr.ai import AsposeAI

from reconciler import Reconciler, load_manifest


class Counted:
    """The real object, with its calls counted."""

    def __init__(self, engine: AsposeAI) -> None:
        self._engine = engine
        self.freed = 0

    def list_local(self) -> object:
        return self._engine.list_local()

    def get_local_path(self) -> object:
        return self._engine.get_local_path()

    def free_resources(self) -> None:
        self.freed += 1
        self._engine.free_resources()


def main() -> None:
    real = AsposeAI()
    counted = Counted(real)
    reconciler = Reconciler(load_manifest(sys.argv[1]), engine=counted)
    plan = reconciler.plan()
    planned = counted.freed
    applied = reconciler.apply(plan)
    again = Reconciler(load_manifest(sys.argv[1]), engine=real)
    document = {
        "planned": [decision.name for decision in plan.deletions],
        "freed while planning": planned,
        "freed": counted.freed,
        "removed": [model.name for model in applied.run.models] if applied.run else [],
        "engine": again.plan().origin.engine,
        "again": [decision.name for decision in again.plan().deletions],
        "second apply": again.apply(again.plan()).run is None,
    }
    sys.stdout.write(json.dumps(document))


if __name__ == "__main__":
    main()
