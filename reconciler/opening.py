"""The door of the commands: a Reconciler whose engine loads while the rest of the program is still being imported.

What is imported before it starts is what starting it needs, and no more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from types import MappingProxyType
from typing import TYPE_CHECKING, Self

from reconciler.errors import EngineError
from reconciler.manifest.reading import asks_default_engine, read_bytes

if TYPE_CHECKING:
    from reconciler.engine.client import EngineChild
    from reconciler.workflow import Event, Progress, Reconciler


@contextmanager
def opened(
    path: str,
    settings: Mapping[str, str] = MappingProxyType({}),
    *,
    progress: Progress = lambda _: None,
    log: Progress = lambda _: None,
    event: Event = lambda _event, _data: None,
) -> Iterator[Reconciler]:
    """A Reconciler of the manifest at `path`; `settings` are values of its variables. Raises ManifestError."""
    data = read_bytes(path)
    with _HeadStart() as head_start:
        if asks_default_engine(data):
            from reconciler.engine.client import DEFAULT_TIMEOUT

            head_start.begin(None, DEFAULT_TIMEOUT)
        from reconciler.manifest.loader import parse_document, peek, validate_document

        document = parse_document(data, path, settings)
        hint = peek(document)
        if hint is None or "engine" not in hint.discovery:
            head_start.end()
        else:
            head_start.begin(hint.python, hint.timeout)
        from reconciler.workflow import Reconciler

        manifest = validate_document(document)
        del data, document  # a quarter of the memory of a plan, if there is a rule for each model
        reconciler = Reconciler(manifest, progress=progress, log=log, event=event)
        reconciler.early = head_start.child
        yield reconciler


class _HeadStart:
    """An engine that loads while the manifest is still being read, and is ended with the block if not before."""

    def __init__(self) -> None:
        self.child: EngineChild | None = None
        self._started: tuple[str | None, float] | None = None

    def begin(self, python: str | None, timeout: float) -> None:
        """Start this one, unless it is the one that was started already.

        One that cannot be started is started again where it is asked: faults of the manifest come first.
        """
        if self._started == (python, timeout):
            return
        self.end()
        self._started = (python, timeout)
        from reconciler.engine.client import EngineChild

        with suppress(EngineError):
            self.child = EngineChild.start(python, timeout)

    def end(self) -> None:
        """End the one that was started, if there is one."""
        if self.child:
            self.child.cancel()
        self.child = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
