"""What ``/metrics`` shows, sent over OTLP to those who do not scrape. Loaded only where metrics are sent.

The names are OpenTelemetry's: with dots, and without the unit.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from importlib.metadata import version
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from valetkey.runtime.lifecycle.clock import system_clock
from valetkey.runtime.telemetry.metric import REGISTRY
from valetkey.runtime.telemetry.metrics_table import table
from valetkey.runtime.telemetry.span_export import SCOPE, SEND_TIMEOUT, SHUTDOWN_TIMEOUT, create_resource

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opentelemetry.sdk.metrics.export import MetricExporter
    from opentelemetry.sdk.resources import Resource
    from prometheus_client import CollectorRegistry
    from prometheus_client.metrics_core import Metric as Family
    from prometheus_client.samples import Sample

    from valetkey.runtime.settings.settings import Settings

INTERVAL = 60.0  # seconds
_NANOSECONDS = 1_000_000_000
_SECONDS = "_seconds"
_CUMULATIVE = AggregationTemporality.CUMULATIVE
# The words of the stable conventions that have an underscore of their own.
_NAMES = {
    "http_response_status_code": "http.response.status_code",
    "db_client_connection_pending_requests": "db.client.connection.pending_requests",
}


class MetricExport:
    """Sends everything every ``interval`` seconds from a thread of its own, and once more at the end."""

    def __init__(
        self,
        exporter: MetricExporter,
        resource: Resource,
        registry: CollectorRegistry = REGISTRY,
        interval: float = INTERVAL,
    ) -> None:
        self._exporter = exporter
        self._resource = resource
        self._registry = registry
        self._interval = interval
        self._started = _now()
        self._is_ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="metric-export", daemon=True)
        self._thread.start()

    def shutdown(self) -> None:
        """Send a last time, for a bounded time."""
        self._is_ending.set()
        self._thread.join(SHUTDOWN_TIMEOUT)
        self._exporter.shutdown()

    def _run(self) -> None:
        while not self._is_ending.wait(self._interval):
            self._send()
        self._send()

    def _send(self) -> None:
        metrics = list(_metrics(self._registry, self._started, _now()))
        scope = ScopeMetrics(InstrumentationScope(SCOPE, version("valetkey-runtime")), metrics, "")
        self._exporter.export(MetricsData([ResourceMetrics(self._resource, [scope], "")]))


def create_metric_export(settings: Settings, service: str) -> MetricExport:
    """To the collector that settings name."""
    exporter = OTLPMetricExporter(endpoint=settings.metrics_otlp_endpoint, timeout=SEND_TIMEOUT)
    return MetricExport(exporter, create_resource(service, version("valetkey-runtime"), settings.environment))


def opentelemetry_name(name: str) -> str:
    """The name that Prometheus shows, as OpenTelemetry writes it."""
    name = name.removesuffix(_SECONDS)
    if name in _NAMES:
        return _NAMES[name]
    if name.startswith("valetkey_"):
        return name.replace("_", ".", 1)
    return name.replace("_", ".") if name.startswith(("http_", "db_", "error_")) else name


def _metrics(registry: CollectorRegistry, started: int, now: int) -> Iterator[Metric]:
    ours = {metric.name for metric in table()}
    for family in registry.collect():
        if family.name in ours:
            data = _data(family, started, now)
            unit = "s" if family.name.endswith(_SECONDS) else "1"
            yield Metric(opentelemetry_name(family.name), family.documentation, unit, data)


def _data(family: Family, started: int, now: int) -> Sum | Gauge | Histogram:
    if family.type == "histogram":
        return Histogram(list(_histogram_points(family.samples, started, now)), _CUMULATIVE)
    points = [
        NumberDataPoint(_attributes(sample.labels), started, now, sample.value)
        for sample in family.samples
        if not sample.name.endswith("_created")
    ]
    return Sum(points, _CUMULATIVE, is_monotonic=True) if family.type == "counter" else Gauge(points)


def _histogram_points(samples: Sequence[Sample], started: int, now: int) -> Iterator[HistogramDataPoint]:
    grouped: dict[tuple[tuple[str, str], ...], list[Sample]] = {}
    for sample in samples:
        labels = tuple((name, value) for name, value in sample.labels.items() if name != "le")
        grouped.setdefault(labels, []).append(sample)
    for labels, group in grouped.items():
        buckets = [sample for sample in group if sample.name.endswith("_bucket")]
        totals = [0, *(int(sample.value) for sample in buckets)]
        (total,) = (sample.value for sample in group if sample.name.endswith("_sum"))
        # Nobody has kept the extremes; OTLP leaves them out.
        unknown: Any = None
        yield HistogramDataPoint(
            attributes=_attributes(dict(labels)),
            start_time_unix_nano=started,
            time_unix_nano=now,
            count=totals[-1],
            sum=total,
            bucket_counts=[later - earlier for earlier, later in pairwise(totals)],
            explicit_bounds=[float(sample.labels["le"]) for sample in buckets[:-1]],
            min=unknown,
            max=unknown,
        )


def _attributes(labels: Mapping[str, str]) -> dict[str, str | int]:
    """Labels as attributes; an empty one says that there is none."""
    return {
        opentelemetry_name(name): int(value) if name == "http_response_status_code" else value
        for name, value in labels.items()
        if value
    }


def _now() -> int:
    return int(system_clock().timestamp() * _NANOSECONDS)
