"""The only room that changes model files: quarantine, journal, run, recovery.

    with Transaction.open(directory, now=time.time) as transaction:
        result = transaction.apply(Orders(doomed, check=check, verify=verify))

Everything of ours lies under `.ocr-reconcile/` in the model directory:

    .ocr-reconcile/                      0755: the engine walks it, and fails as a whole where it cannot
        lock/lock, lock/head             0700: who runs, and the newest run with its digest
        runs/<run>/journal               0700
        runs/<run>/quarantine/<number>   the names are in the journal

Files lie at depth 3 or deeper, because an engine lists every file at depth 1 and 2. Directories that a removal
leaves empty stay: removing them is not in the plan, and putting a model back needs them.
"""

from __future__ import annotations

from reconciler.transaction.apply import Orders
from reconciler.transaction.recover import Pending, Recovered, lock_owner, pending
from reconciler.transaction.result import Fate, ModelFate, RunResult, TransactionError
from reconciler.transaction.retained import Retained, due, retained, to_make_room
from reconciler.transaction.run import Transaction
from reconciler.transaction.signals import Signals, signals_deferred

__all__ = [
    "Fate",
    "ModelFate",
    "Orders",
    "Pending",
    "Recovered",
    "Retained",
    "RunResult",
    "Signals",
    "Transaction",
    "TransactionError",
    "due",
    "lock_owner",
    "pending",
    "retained",
    "signals_deferred",
    "to_make_room",
]
