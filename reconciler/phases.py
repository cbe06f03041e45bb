"""The phases of a run, for whoever measures or traces it: nobody, unless `listening` says who.

    with phase("scan"): ...                 # also as a decorator

Phases lie in one another: `transaction` has a `verify`, which asks the `engine` again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from contextvars import ContextVar

Listener = Callable[[str], AbstractContextManager[object]]
"""Is entered when the phase of that name begins, and left when it ends, with its error if it fails."""

_listeners: ContextVar[tuple[Listener, ...]] = ContextVar("listeners", default=())


@contextmanager
def phase(name: str) -> Iterator[None]:
    """What is done in it is the phase `name`."""
    with ExitStack() as told:
        for listener in _listeners.get():
            told.enter_context(listener(name))
        yield


@contextmanager
def listening(*listeners: Listener) -> Iterator[None]:
    """Tell `listeners` of every phase of this context."""
    token = _listeners.set(listeners)
    try:
        yield
    finally:
        _listeners.reset(token)
