"""Trace ids and spans. Every request has a trace id; only sampled ones have spans.

Does not know what a route does, and never puts a query, a header or a body into a span.
"""

from __future__ import annotations

import random
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import TYPE_CHECKING

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.trace import Link, SpanContext, SpanKind, TraceFlags

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

    from valetkey.runtime.settings import Settings

TRACER = "valetkey"
_TRACEPARENT_PARTS = 4
_NO_SPAN: AbstractContextManager[object] = nullcontext()
_trace_id: ContextVar[str] = ContextVar("valetkey_trace_id", default="")
_tracer: ContextVar[trace.Tracer | None] = ContextVar("valetkey_tracer", default=None)


def current_trace_id() -> str:
    """The trace id of what is going on, 32 hexadecimal digits, or empty outside of a request or job."""
    return _trace_id.get()


def current_span_id() -> str:
    """The id of the current span, 16 hexadecimal digits, or empty where nothing is sampled."""
    context = trace.get_current_span().get_span_context()
    return f"{context.span_id:016x}" if context.is_valid else ""


def begin_trace(trace_id: str = "") -> str:
    """Give the current task a trace id, a random one unless told, and return it."""
    # A trace id names, it does not protect: the fast generator will do.
    trace_id = trace_id or f"{random.getrandbits(128) or 1:032x}"
    _trace_id.set(trace_id)
    return trace_id


def span(name: str, attributes: Mapping[str, str | int | float | bool] | None = None) -> AbstractContextManager[object]:
    """A child of the current span; nothing at all where the request was not sampled."""
    tracer = _tracer.get()
    if tracer is None:
        return _NO_SPAN
    return tracer.start_as_current_span(
        name, kind=SpanKind.CLIENT, attributes=attributes, record_exception=False, set_status_on_exception=False
    )


def parse_traceparent(value: str) -> SpanContext | None:
    """The remote span that a caller names, or None if the header is malformed. W3C Trace Context §3.2."""
    parts = value.split("-")
    if len(parts) != _TRACEPARENT_PARTS or [len(part) for part in parts] != [2, 32, 16, 2] or parts[0] != "00":
        return None
    if not all(part.isascii() and part.isalnum() and part == part.lower() for part in parts):
        return None
    try:
        trace_id, span_id, flags = (int(part, 16) for part in parts[1:])
    except ValueError:
        return None
    context = SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(flags))
    return context if context.is_valid else None


class Tracing:
    """Decides which requests are sampled, and starts their spans. One per process."""

    def __init__(self, provider: TracerProvider | None = None, ratio: float = 0.0) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer(TRACER) if provider else None
        self._ratio = ratio if provider else 0.0

    def samples(self) -> bool:
        """Whether to trace one more request of strangers."""
        return self._ratio > 0 and random.random() < self._ratio  # noqa: S311

    @contextmanager
    def server_span(self, name: str, traceparent: str, *, public: bool) -> Iterator[trace.Span]:
        """The span of one sampled request, which also sets the trace id.

        A public route starts a new root that links to the caller's span, so that strangers neither choose our trace
        ids nor our sampling; an internal route continues the caller's trace.
        """
        if self._tracer is None:
            raise RuntimeError("nothing is sampled without a tracer provider")
        remote = parse_traceparent(traceparent) if traceparent else None
        parent = otel_context.Context()
        if remote and not public:
            parent = trace.set_span_in_context(trace.NonRecordingSpan(remote), parent)
        links = [Link(remote)] if remote and public else []
        server = self._tracer.start_span(name, context=parent, kind=SpanKind.SERVER, links=links)
        begin_trace(f"{server.get_span_context().trace_id:032x}")
        token = _tracer.set(self._tracer)
        try:
            with trace.use_span(server, end_on_exit=True, record_exception=False, set_status_on_exception=False):
                yield server
        finally:
            _tracer.reset(token)

    def shutdown(self) -> None:
        """Send what is waiting, and stop."""
        if self._provider:
            self._provider.shutdown()


def create_tracing(settings: Settings, service: str, exporter: SpanExporter | None = None) -> Tracing:
    """Tracing as settings say; without an OTLP endpoint, or an ``exporter`` given, only trace ids remain."""
    if not settings.otlp_endpoint and exporter is None:
        return Tracing()
    # The SDK and the exporter cost memory and start-up time, so they load only where traces go somewhere.
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor  # noqa: PLC0415
    from opentelemetry.sdk.trace.sampling import ALWAYS_ON  # noqa: PLC0415

    resource = Resource({"service.name": f"valetkey-{service}", "deployment.environment.name": settings.environment})
    # Sampling was decided before a span is made, so whatever gets this far is kept.
    provider = TracerProvider(sampler=ALWAYS_ON, resource=resource, shutdown_on_exit=False)
    if exporter is not None:
        provider.add_span_processor(SimpleSpanProcessor(exporter))
    else:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415

        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=settings.otlp_endpoint)))
    return Tracing(provider, settings.trace_sample_ratio)
