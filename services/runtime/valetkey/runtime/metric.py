"""The kinds of metric: a count, a duration, a level. Their labels stay bounded whatever a stranger sends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector

if TYPE_CHECKING:
    from collections.abc import Sequence

REGISTRY = CollectorRegistry()
OTHER = "other"
# More label sets than the product has; a label that a bug lets strangers choose ends up as "other" here.
MAX_LABEL_SETS = 500
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
EVERY_SERVICE = ("authorize", "token", "introspection")

ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)


class Metric:
    """What every metric tells about itself. ``services`` are those that have it."""

    kind: str

    def __init__(self, name: str, doc: str, labels: tuple[str, ...], services: tuple[str, ...]) -> None:
        self.name: Final = name
        self.doc: Final = doc
        self.labels: Final = labels
        self.services: Final = services

    @property
    def scraped_name(self) -> str:
        """The name in the exposition; a histogram's ends in ``_bucket``, ``_sum`` and ``_count`` there."""
        return self.name


class Count(Metric):
    """A counter whose label sets are bound once and then only looked up."""

    kind = "counter"

    def __init__(
        self,
        name: str,
        doc: str,
        *labels: str,
        services: tuple[str, ...] = EVERY_SERVICE,
        registry: CollectorRegistry = REGISTRY,
    ) -> None:
        super().__init__(name, doc, labels, services)
        self._counter = Counter(name, doc, labels, registry=registry)
        self._bound: dict[tuple[str, ...], Counter] = {}

    @property
    def scraped_name(self) -> str:
        """See ``Metric``."""
        return f"{self.name}_total"

    def add(self, *labels: str, amount: int = 1) -> None:
        """Count one more, or ``amount`` more, under these labels in their declared order."""
        bound = self._bound.get(labels)
        (bound if bound is not None else self._bind(labels)).inc(amount)

    def _bind(self, labels: tuple[str, ...]) -> Counter:
        if len(self._bound) >= MAX_LABEL_SETS:
            labels = (OTHER,) * len(self.labels)
        bound = self._counter.labels(*labels) if labels else self._counter
        self._bound[labels] = bound
        return bound


class Duration(Metric):
    """A histogram of seconds whose label sets are bound once and then only looked up."""

    kind = "histogram"

    def __init__(
        self,
        name: str,
        doc: str,
        *labels: str,
        buckets: Sequence[float] = SECONDS,
        services: tuple[str, ...] = EVERY_SERVICE,
        registry: CollectorRegistry = REGISTRY,
    ) -> None:
        super().__init__(name, doc, labels, services)
        self._histogram = Histogram(name, doc, labels, buckets=buckets, registry=registry)
        self._bound: dict[tuple[str, ...], Histogram] = {}

    def observe(self, seconds: float, *labels: str, trace_id: str = "") -> None:
        """Record one duration; ``trace_id`` makes it an exemplar, so give it for sampled requests only."""
        bound = self._bound.get(labels)
        if bound is None:
            bound = self._bind(labels)
        bound.observe(seconds, {"trace_id": trace_id} if trace_id else None)

    def _bind(self, labels: tuple[str, ...]) -> Histogram:
        if len(self._bound) >= MAX_LABEL_SETS:
            labels = (OTHER,) * len(self.labels)
        bound = self._histogram.labels(*labels) if labels else self._histogram
        self._bound[labels] = bound
        return bound


class Level(Metric):
    """A gauge that is shown once it was set; its labels come from our own code, never from a request."""

    kind = "gauge"

    def __init__(
        self,
        name: str,
        doc: str,
        *labels: str,
        services: tuple[str, ...] = EVERY_SERVICE,
        registry: CollectorRegistry = REGISTRY,
    ) -> None:
        super().__init__(name, doc, labels, services)
        self._gauge = Gauge(name, doc, labels, registry=None)
        self._registry = registry
        self._bound: dict[tuple[str, ...], Gauge] = {}
        self._is_shown = False

    def set(self, value: float, *labels: str) -> None:
        """Set the level under these labels in their declared order."""
        self._gauge_of(labels).set(value)

    def change(self, by: float, *labels: str) -> None:
        """Raise or lower the level."""
        self._gauge_of(labels).inc(by)

    def replace(self, values: dict[tuple[str, ...], float]) -> None:
        """Set these, and forget every other label set."""
        self._gauge.clear()
        self._bound.clear()
        for labels, value in values.items():
            self._gauge_of(labels).set(value)

    def _gauge_of(self, labels: tuple[str, ...]) -> Gauge:
        bound = self._bound.get(labels)
        return bound if bound is not None else self._bind(labels)

    def _bind(self, labels: tuple[str, ...]) -> Gauge:
        # A process that never learns a level must not claim that it is zero.
        if not self._is_shown:
            self._registry.register(self._gauge)
            self._is_shown = True
        bound = self._gauge.labels(*labels) if labels else self._gauge
        self._bound[labels] = bound
        return bound
