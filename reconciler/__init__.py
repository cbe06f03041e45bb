"""Keeps OCR model files exactly as a manifest says.

    from reconciler import Reconciler, load_manifest

    reconciler = Reconciler(load_manifest("models.yaml"))
    plan = reconciler.plan()
    result = reconciler.apply(plan)

Names are imported when they are first used: the command line must start in milliseconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reconciler.manifest.loader import load_manifest
    from reconciler.workflow import Reconciler

__version__ = "0.1.0"
__all__ = ["Reconciler", "__version__", "load_manifest"]

_HOMES = {"Reconciler": "reconciler.workflow", "load_manifest": "reconciler.manifest.loader"}


def __getattr__(name: str) -> object:
    """Import a public name from its home at its first use."""
    if name not in _HOMES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    from importlib import import_module

    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
