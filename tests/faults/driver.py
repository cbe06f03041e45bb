"""One command over the library, in a process of its own, for the sweep to break.

    python -m tests.faults.driver DIRECTORY apply|retain|rollback|purge|recover NAME...

Ends with the exit code of the error; it writes nothing that is not in the model directory.
"""

from __future__ import annotations

import sys
from pathlib import Path

from reconciler.errors import ReconcileError
from reconciler.transaction import Transaction, due
from reconciler.transaction.apply import Orders
from tests.faults.world import Clock, all_well, evidence, observe


def main(path: Path, command: str, names: list[str]) -> int:
    clock = Clock(1.8e9)
    try:
        with Transaction.open(observe(path), clock) as transaction:
            if command in {"apply", "retain"}:
                doomed = [evidence(path, name) for name in names if (path / name).exists()]
                transaction.apply(Orders(doomed, verify=all_well, retain=0 if command == "apply" else 1000))
            elif command == "rollback":
                transaction.rollback()
            elif command == "purge":
                transaction.purge(due(transaction.retained(), clock(), everything=True))
    except ReconcileError as error:
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:]))
