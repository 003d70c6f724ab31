"""What ``/metrics`` shows, sent over OTLP by the SDK's reader and exporter. Loaded only where metrics are sent.

Counters and gauges are observable instruments of the SDK, which asks for them when it collects. It has no such
instrument for a histogram, so the histograms join what it has collected on the way to its exporter.

The names are OpenTelemetry's: with dots, and without the unit.
"""

from __future__ import annotations

from functools import partial
from importlib.metadata import version
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.metrics import Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricExportResult,
    MetricsData,
    PeriodicExportingMetricReader,
    ResourceMetrics,
    ScopeMetrics,
)

from valetkey.runtime.lifecycle.clock import system_clock
from valetkey.runtime.telemetry.metrics_table import table
from valetkey.runtime.telemetry.span_export import SCOPE, SEND_TIMEOUT, SHUTDOWN_TIMEOUT, create_resource

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from opentelemetry.metrics import CallbackOptions
    from prometheus_client.samples import Sample

    from valetkey.runtime.settings.settings import Settings
    from valetkey.runtime.telemetry import metric as kinds

INTERVAL = 60.0  # seconds
_MILLISECONDS = 1000
_NANOSECONDS = 1_000_000_000
_SECONDS = "_seconds"
# The words of the stable conventions that have an underscore of their own.
_NAMES = {
    "http_response_status_code": "http.response.status_code",
    "db_client_connection_pending_requests": "db.client.connection.pending_requests",
}


class MetricExport:
    """Sends everything every ``INTERVAL`` seconds from a thread of the SDK, and once more at the end."""

    def __init__(self, endpoint: str, service: str, environment: str) -> None:
        release = version("valetkey-runtime")
        reader = PeriodicExportingMetricReader(
            _ExporterWithHistograms(endpoint=endpoint, timeout=SEND_TIMEOUT),
            export_interval_millis=INTERVAL * _MILLISECONDS,
        )
        resource = create_resource(service, release, environment)
        self._provider = MeterProvider([reader], resource=resource, shutdown_on_exit=False)
        meter = self._provider.get_meter(SCOPE, release)
        create = {"counter": meter.create_observable_counter, "gauge": meter.create_observable_gauge}
        for metric in table():
            if metric.kind in create:
                name, observe = opentelemetry_name(metric.name), partial(_observe, metric)
                create[metric.kind](name, [observe], _unit(metric), metric.doc)

    def shutdown(self) -> None:
        """Send a last time, for a bounded time."""
        self._provider.shutdown(SHUTDOWN_TIMEOUT * _MILLISECONDS)


def create_metric_export(settings: Settings, service: str) -> MetricExport:
    """To the collector that settings name."""
    return MetricExport(settings.metrics_otlp_endpoint, service, settings.environment)


def opentelemetry_name(name: str) -> str:
    """The name that Prometheus shows, as OpenTelemetry writes it."""
    name = name.removesuffix(_SECONDS)
    if name in _NAMES:
        return _NAMES[name]
    if name.startswith("valetkey_"):
        return name.replace("_", ".", 1)
    return name.replace("_", ".") if name.startswith(("http_", "db_", "error_")) else name


class _ExporterWithHistograms(OTLPMetricExporter):
    """The SDK's exporter, which is handed counters and gauges and sends the histograms with them."""

    def __init__(self, endpoint: str, timeout: float) -> None:
        super().__init__(endpoint=endpoint, timeout=timeout)
        self._started = _now()

    def export(
        self,
        metrics_data: MetricsData,
        timeout_millis: float | None = 10_000,
        **kwargs: Any,  # noqa: ANN401 - the SDK's signature
    ) -> MetricExportResult:
        """Send what the SDK has collected, and the histograms as they are now."""
        (collected,) = metrics_data.resource_metrics
        (scope,) = collected.scope_metrics
        metrics = [*scope.metrics, *_histograms(self._started, _now())]
        complete = ScopeMetrics(scope.scope, metrics, scope.schema_url)
        data = MetricsData([ResourceMetrics(collected.resource, [complete], collected.schema_url)])
        return super().export(data, timeout_millis, **kwargs)


def _observe(metric: kinds.Metric, _options: CallbackOptions) -> Iterator[Observation]:
    for family in metric.collect():
        for sample in family.samples:
            yield Observation(sample.value, _attributes(sample.labels))


def _histograms(started: int, now: int) -> Iterator[Metric]:
    for metric in table():
        if metric.kind == "histogram":
            points = [point for family in metric.collect() for point in _points(family.samples, started, now)]
            data = Histogram(points, AggregationTemporality.CUMULATIVE)
            yield Metric(opentelemetry_name(metric.name), metric.doc, _unit(metric), data)


def _points(samples: Sequence[Sample], started: int, now: int) -> Iterator[HistogramDataPoint]:
    grouped: dict[tuple[tuple[str, str], ...], list[Sample]] = {}
    for sample in samples:
        labels = tuple((name, value) for name, value in sample.labels.items() if name != "le")
        grouped.setdefault(labels, []).append(sample)
    for labels, group in grouped.items():
        buckets = [sample for sample in group if sample.name.endswith("_bucket")]
        totals = [0, *(int(sample.value) for sample in buckets)]
        (total,) = (sample.value for sample in group if sample.name.endswith("_sum"))
        # The extremes are not recorded; OTLP leaves them out.
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


def _unit(metric: kinds.Metric) -> str:
    return "s" if metric.name.endswith(_SECONDS) else "1"


def _attributes(labels: Mapping[str, str]) -> dict[str, str | int]:
    """Labels as attributes; an empty one says that there is none."""
    return {
        opentelemetry_name(name): int(value) if name == "http_response_status_code" else value
        for name, value in labels.items()
        if value
    }


def _now() -> int:
    return int(system_clock().timestamp() * _NANOSECONDS)
