"""OpenTelemetry spans by phase, where the extra `otel` is installed and the environment asks for traces.

The environment asks with `TRACEPARENT` (W3C trace context: our spans become children of the pipeline's) or
`OTEL_EXPORTER_OTLP_ENDPOINT`; `OTEL_SDK_DISABLED=true` says no. Otherwise nothing of OpenTelemetry is imported.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from reconciler import __version__
from reconciler.phases import Listener

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

_ASKED_BY = ("TRACEPARENT", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_PATIENCE = 2.0
"""Seconds that a collector that does not answer may hold up the end of a run, unless the environment says."""
_FLUSH = 5000
"""Milliseconds that the spans which are left may take at the end."""


def is_wanted(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the environment asks for traces and the packages are there."""
    off = (
        environment.get("OTEL_SDK_DISABLED", "").lower() == "true" or environment.get("OTEL_TRACES_EXPORTER") == "none"
    )
    return not off and any(environment.get(name) for name in _ASKED_BY) and _is_installed()


def _is_installed() -> bool:
    from importlib.util import find_spec

    try:
        return all(map(find_spec, ("opentelemetry.sdk.trace", "opentelemetry.exporter.otlp.proto.http")))
    except ModuleNotFoundError:
        return False


@contextmanager
def traced(command: str, environment: Mapping[str, str] = os.environ) -> Iterator[Listener | None]:
    """A span for `command`; yields what makes a span for each phase, or None where no traces are wanted."""
    if not is_wanted(environment):
        yield None
        return
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    told = {"service.name": environment.get("OTEL_SERVICE_NAME", "ocr-reconcile"), "service.version": __version__}
    provider = TracerProvider(resource=Resource.create(told), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(_exporter(environment)()))
    tracer = provider.get_tracer("ocr-reconcile", __version__)
    carrier = {name.lower(): environment[name] for name in ("TRACEPARENT", "TRACESTATE") if name in environment}
    parent = TraceContextTextMapPropagator().extract(carrier)
    try:
        with tracer.start_as_current_span(f"ocr-reconcile {command}", context=parent):
            yield tracer.start_as_current_span
    finally:
        provider.force_flush(_FLUSH)
        provider.shutdown()


def _exporter(environment: Mapping[str, str]) -> Callable[[], SpanExporter]:
    """What OTEL_TRACES_EXPORTER names: `otlp` (the default) or `console`, which is standard error here."""
    if environment.get("OTEL_TRACES_EXPORTER", "otlp") == "console":
        import sys

        from opentelemetry.sdk.trace.export import ConsoleSpanExporter

        return lambda: ConsoleSpanExporter(out=sys.stderr)
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return lambda: OTLPSpanExporter(timeout=None if environment.get("OTEL_EXPORTER_OTLP_TIMEOUT") else _PATIENCE)
