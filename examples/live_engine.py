"""A service that has an `AsposeAI` object of its own, and reconciles its models in place.

    cd SERVICE && python /path/to/examples/live_engine.py MANIFEST

`free_resources()` is called on that very object. If it has loaded a model, this process keeps that model mapped until
it ends: then the apply is refused, says so, and touches nothing.
"""

from __future__ import annotations

import os
import sys

os.environ.setdefault("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", "1")  # without it the import can abort the process

from aspose.ocr.ai import AsposeAI

from reconciler import Reconciler, load_manifest
from reconciler.errors import HeldError, ReconcileError
from reconciler.names import printable


def reconcile(ocr_ai: AsposeAI, manifest: str) -> int:
    reconciler = Reconciler(load_manifest(manifest), engine=ocr_ai)
    try:
        applied = reconciler.apply(reconciler.plan())
    except HeldError as error:
        for answer in error.answers:
            holders = ", ".join("this process" if holder.ours else str(holder.pid) for holder in answer.holders)
            print(f"{printable(answer.file.name)} is held by: {holders or answer.why}")
        return error.exit_code
    except ReconcileError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    removed = applied.run.models if applied.run else ()
    print(f"Removed {len(removed)} models: {', '.join(printable(model.name) for model in removed) or 'none'}.")
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(reconcile(AsposeAI(), sys.argv[1]))
