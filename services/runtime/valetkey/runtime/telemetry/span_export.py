"""Spans on their way to a collector. Loaded only where traces go somewhere: the SDK costs memory and start-up time."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from uuid import uuid4

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from valetkey.runtime.lifecycle.clock import system_clock
from valetkey.runtime.telemetry.traceparent import SpanReference

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.sdk.trace.export import SpanExporter

    from valetkey.runtime.telemetry.tracing import Trace

Attributes = Mapping[str, str | int]

SCOPE = "valetkey"
NAMESPACE = "valetkey"
# While the collector is away so many spans wait; then the oldest go.
MAX_QUEUE = 2048
MAX_BATCH = 512
SEND_EVERY = 2.0  # seconds
SEND_TIMEOUT = 5.0  # seconds
SHUTDOWN_TIMEOUT = 3.0  # seconds
_NANOSECONDS = 1_000_000_000
_ERROR = Status(StatusCode.ERROR)
_UNSET = Status(StatusCode.UNSET)


def create_resource(service: str, version: str, environment: str) -> Resource:
    """Who sends: attributes of every span, and of metrics over OTLP."""
    return Resource.create(
        {
            "service.name": f"valetkey-{service.replace('_', '-')}",
            "service.namespace": NAMESPACE,
            "service.version": version,
            "service.instance.id": str(uuid4()),
            "deployment.environment.name": environment,
        }
    )


class SpanExport:
    """Makes spans of what a sampled request did, once it has ended, and hands them on without waiting."""

    def __init__(self, processor: SpanProcessor, resource: Resource) -> None:
        self._processor = processor
        self._resource = resource
        self._scope = InstrumentationScope(SCOPE, str(resource.attributes["service.version"]))

    @classmethod
    def to_collector(cls, endpoint: str, resource: Resource) -> SpanExport:
        """OTLP over HTTP, from a thread of its own, with a queue that is bounded."""
        exporter = OTLPSpanExporter(endpoint=endpoint, timeout=SEND_TIMEOUT)
        processor = BatchSpanProcessor(
            exporter,
            max_queue_size=MAX_QUEUE,
            max_export_batch_size=MAX_BATCH,
            schedule_delay_millis=SEND_EVERY * 1000,
        )
        return cls(processor, resource)

    @classmethod
    def to_exporter(cls, exporter: SpanExporter, resource: Resource) -> SpanExport:
        """To this exporter, at once."""
        return cls(SimpleSpanProcessor(exporter), resource)

    def server_span(
        self,
        trace: Trace,
        name: str,
        started: float,
        attributes: Attributes,
        *,
        caller: SpanReference | None,
        is_error: bool,
    ) -> None:
        """End the span of a request and those of its operations."""
        links = [Link(_context(caller, is_remote=True))] if caller else []
        self._end(trace, name, SpanKind.SERVER, started, attributes, links=links, is_error=is_error)

    def internal_span(self, trace: Trace, name: str, started: float, error_type: str) -> None:
        """End the span of a run and those of its operations."""
        attributes = {"error.type": error_type} if error_type else {}
        self._end(trace, name, SpanKind.INTERNAL, started, attributes, links=[], is_error=bool(error_type))

    def _end(
        self,
        trace: Trace,
        name: str,
        kind: SpanKind,
        started: float,
        attributes: Attributes,
        *,
        links: list[Link],
        is_error: bool,
    ) -> None:
        own, parent = _context(SpanReference(trace.trace_id, trace.span_id)), None
        if trace.parent is not None:
            parent = _context(trace.parent, is_remote=True)
        ended = time.perf_counter()
        span = self._span(name, (own, parent), (started, ended), attributes, is_error=is_error, kind=kind, links=links)
        for done in trace.end():
            child = _context(SpanReference(trace.trace_id, f"{random.getrandbits(64) or 1:016x}"))
            about: Attributes = {**done.attributes, "db.operation.name": done.name}
            if done.error_type:
                about = {**about, "error.type": done.error_type}
            times, failed = (done.started, done.ended), bool(done.error_type)
            self._processor.on_end(self._span(done.name, (child, own), times, about, is_error=failed))
        self._processor.on_end(span)

    def shutdown(self) -> None:
        """Send what is waiting, for a bounded time, and stop."""
        # The SDK waits half a minute for a collector that does not answer; its threads are daemons, and so is this one.
        stopping = threading.Thread(target=self._processor.shutdown, name="span-export-shutdown", daemon=True)
        stopping.start()
        stopping.join(SHUTDOWN_TIMEOUT)

    def _span(
        self,
        name: str,
        own_and_parent: tuple[SpanContext, SpanContext | None],
        times: tuple[float, float],
        attributes: Attributes,
        *,
        is_error: bool,
        kind: SpanKind = SpanKind.CLIENT,
        links: Sequence[Link] = (),
    ) -> ReadableSpan:
        epoch = int(system_clock().timestamp() * _NANOSECONDS) - time.perf_counter_ns()
        return ReadableSpan(
            name,
            context=own_and_parent[0],
            parent=own_and_parent[1],
            resource=self._resource,
            attributes=attributes,
            links=links,
            kind=kind,
            status=_ERROR if is_error else _UNSET,
            start_time=epoch + int(times[0] * _NANOSECONDS),
            end_time=epoch + int(times[1] * _NANOSECONDS),
            instrumentation_scope=self._scope,
        )


def _context(span: SpanReference, *, is_remote: bool = False) -> SpanContext:
    return SpanContext(int(span.trace_id, 16), int(span.span_id, 16), is_remote, TraceFlags(TraceFlags.SAMPLED))
