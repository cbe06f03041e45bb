"""The tutorials' clean-up, done right: list the models, audit them, delete `old_*`, release the resources.

    python examples/make_models.py demo/models
    python examples/cleanup.py examples/cleanup.yaml

Where a tutorial deletes and then calls `free_resources()`, this calls it first, proves that nothing holds the files,
and deletes them as a transaction: all, or none.
"""

from __future__ import annotations

import sys

from reconciler import Reconciler, load_manifest
from reconciler.errors import ReconcileError
from reconciler.names import printable


def clean_up(manifest: str) -> None:
    reconciler = Reconciler(load_manifest(manifest), log=print)
    plan = reconciler.plan()
    print(f"Models in {printable(plan.directory.path)}, as engine {plan.origin.engine} and the disk have them:")
    for decision in plan.decisions:
        print(f"  {decision.verdict.value:<8} {printable(decision.name)}: {printable(decision.reason)}")

    applied = reconciler.apply(plan)
    if applied.run is None:
        print("Nothing to delete.")
        return
    for model in applied.run.models:
        print(f"Deleted {printable(model.name)}.")
    print(f"All resources released; {applied.run.freed.measured:,} bytes came free.")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        clean_up(sys.argv[1])
    except ReconcileError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
