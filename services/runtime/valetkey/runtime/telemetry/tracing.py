"""The trace of what is going on. Every request has a trace id; only a sampled one keeps what it did, and has spans.

Does not know what a route does, and never puts a query, a header, a body or a statement's values into a span.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from contextvars import Context, ContextVar
from importlib.metadata import version
from random import random
from time import perf_counter
from typing import TYPE_CHECKING, Any

from valetkey.runtime.http.limits.rate_limiter import RateLimiter
from valetkey.runtime.telemetry.trace import Operation, Trace
from valetkey.runtime.telemetry.traceparent import SpanReference, parse_traceparent, to_traceparent

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator, Mapping

    from opentelemetry.sdk.trace.export import SpanExporter

    from valetkey.runtime.settings.settings import Settings
    from valetkey.runtime.telemetry.span_export import SpanExport

# More than a request does; what does more is not told to the end.
MAX_OPERATIONS = 128
# Requests that are traced only because they belong to a login that is.
CONTINUED_PER_SECOND = 100.0

_current: ContextVar[Trace | None] = ContextVar("valetkey_trace", default=None)
_continued = RateLimiter(CONTINUED_PER_SECOND)


def begin_trace(trace_id: str = "", request: object = None) -> Trace:
    """Give the current task a trace, with a random id unless told."""
    trace = Trace(trace_id, request)
    _current.set(trace)
    return trace


def current_trace_id() -> str:
    """The trace id of what is going on, 32 hexadecimal digits, or empty outside of a request or job."""
    trace = _current.get()
    return "" if trace is None else trace.trace_id


def current_request() -> object:
    """The request that is being answered, or None outside of one."""
    trace = _current.get()
    return None if trace is None else trace.request


def current_span_id() -> str:
    """The id of the request's own span, 16 hexadecimal digits, or empty where nothing is sampled."""
    trace = _current.get()
    return "" if trace is None or trace.operations is None else trace.span_id


def current_traceparent() -> str:
    """What to leave for a request that continues this one, empty where nothing is sampled. W3C Trace Context §3.2."""
    trace = _current.get()
    if trace is None or trace.operations is None:
        return ""
    return to_traceparent(SpanReference(trace.trace_id, trace.span_id))


def continue_trace(traceparent: str) -> None:
    """Make the current request part of the trace that we left this in, whether or not it was to be sampled itself.

    Only for what comes out of our own stores: a caller's word is a link, and never decides.
    """
    trace, left = _current.get(), parse_traceparent(traceparent)
    if trace is None or left is None or not left.is_sampled:
        return
    # A client can tell by the trace ids that it is sampled; it must not make us trace every other request it sends.
    if trace.operations is not None or _continued.take():
        trace.sample(left)


def record_operation(
    name: str, attributes: Mapping[str, str | int], started: float, ended: float, error_type: str
) -> str:
    """Keep an operation that has just ended, where the request is sampled; its trace id then, otherwise empty."""
    trace = _current.get()
    if trace is None or trace.operations is None:
        return ""
    if len(trace.operations) < MAX_OPERATIONS:
        trace.operations.append(Operation(name, attributes, started, ended, error_type))
    return trace.trace_id


def detached_task(work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
    """A task that belongs to the process: it inherits neither the trace nor any other context of its creator."""
    return asyncio.create_task(work, name=name, context=Context())


class Tracing:
    """Decides which requests are sampled, and lets go of their spans. One per process."""

    def __init__(self, export: SpanExport | None = None, ratio: float = 0.0) -> None:
        self._export = export
        self._ratio = ratio if export else 0.0

    def samples(self) -> bool:
        """Whether to trace one more request from outside."""
        return self._ratio > 0 and random() < self._ratio  # noqa: S311

    def end_request(
        self,
        trace: Trace,
        name: str,
        started: float,
        attributes: Mapping[str, str | int],
        *,
        caller: SpanReference | None = None,
        is_error: bool = False,
    ) -> None:
        """Let go of a sampled request, which ``started`` by the clock of ``perf_counter``; ``caller`` is linked to."""
        if self._export is not None:
            self._export.server_span(trace, name, started, attributes, caller=caller, is_error=is_error)

    @contextmanager
    def run(self, name: str) -> Iterator[None]:
        """One run of a job: a trace of its own, always sampled."""
        trace, started, error_type = begin_trace(), perf_counter(), ""
        if self._export is not None:
            trace.sample()
        try:
            yield
        except BaseException as error:
            error_type = type(error).__name__
            raise
        finally:
            if self._export is not None:
                self._export.internal_span(trace, name, started, error_type)

    def shutdown(self) -> None:
        """Send what is waiting, for a bounded time, and stop."""
        if self._export is not None:
            self._export.shutdown()


def create_tracing(settings: Settings, service: str, exporter: SpanExporter | None = None) -> Tracing:
    """Tracing as settings say; without an OTLP endpoint, or an ``exporter`` given, only trace ids remain."""
    if not settings.otlp_endpoint and exporter is None:
        return Tracing()
    # The SDK and the exporter cost memory and start-up time, so they load only where traces go somewhere.
    from valetkey.runtime.telemetry.span_export import SpanExport, create_resource  # noqa: PLC0415

    resource = create_resource(service, version("valetkey-runtime"), settings.environment)
    if exporter is None:
        return Tracing(SpanExport.to_collector(settings.otlp_endpoint, resource), settings.trace_sample_ratio)
    return Tracing(SpanExport.to_exporter(exporter, resource), settings.trace_sample_ratio)
