"""The kinds of metric: a count, a duration, a level. Their labels stay bounded whatever a stranger sends.

Counts and durations are kept here and only shown by the Prometheus client: its own cost a request as much as reading its
form does.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from copy import deepcopy
from itertools import accumulate
from threading import Lock
from time import time
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, Gauge, PlatformCollector, ProcessCollector
from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.samples import Exemplar
from prometheus_client.utils import floatToGoString

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

    def _bounded(self, labels: tuple[str, ...], present: int) -> tuple[str, ...]:
        if len(labels) != len(self.labels):
            raise ValueError(f"{self.name} has the labels {self.labels}")
        return labels if present < MAX_LABEL_SETS else (OTHER,) * len(self.labels)


class Count(Metric):
    """A counter. One more costs a look into a table."""

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
        self._lock = Lock()
        self._totals: dict[tuple[str, ...], int] = {} if labels else {(): 0}
        registry.register(self)

    @property
    def scraped_name(self) -> str:
        """See ``Metric``."""
        return f"{self.name}_total"

    def add(self, *labels: str, amount: int = 1) -> None:
        """Count one more, or ``amount`` more, under these labels in their declared order."""
        totals = self._totals
        with self._lock:
            if labels not in totals:
                labels = self._bounded(labels, len(totals))
                totals.setdefault(labels, 0)
            totals[labels] += amount

    def describe(self) -> list[CounterMetricFamily]:
        """What ``collect`` will yield, without values."""
        return [CounterMetricFamily(self.name, self.doc, labels=self.labels)]

    def collect(self) -> list[CounterMetricFamily]:
        """The totals, for whoever scrapes."""
        (family,) = self.describe()
        for labels, total in sorted(self._totals.copy().items()):
            family.add_metric(labels, total)
        return [family]


class Duration(Metric):
    """A histogram of seconds. One more costs a look into a table and a bisection."""

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
        self._bounds = (*buckets, math.inf)
        self._lock = Lock()
        self._observed: dict[tuple[str, ...], _Observed] = {} if labels else {(): _Observed(len(self._bounds))}
        registry.register(self)

    def observe(self, seconds: float, *labels: str, trace_id: str = "") -> None:
        """Record one duration; ``trace_id`` makes it an exemplar, so give it for sampled requests only."""
        bucket = bisect_left(self._bounds, seconds)
        with self._lock:
            observed = self._observed.get(labels)
            if observed is None:
                labels = self._bounded(labels, len(self._observed))
                observed = self._observed.setdefault(labels, _Observed(len(self._bounds)))
            observed.counts[bucket] += 1
            observed.seconds += seconds
            if trace_id:
                observed.exemplars[bucket] = Exemplar({"trace_id": trace_id}, seconds, time())

    def describe(self) -> list[HistogramMetricFamily]:
        """What ``collect`` will yield, without values."""
        return [HistogramMetricFamily(self.name, self.doc, labels=self.labels)]

    def collect(self) -> list[HistogramMetricFamily]:
        """The buckets, each with all that is below it, for whoever scrapes."""
        (family,) = self.describe()
        with self._lock:
            observed = {labels: deepcopy(one) for labels, one in self._observed.items()}
        for labels, one in sorted(observed.items()):
            buckets = [
                (floatToGoString(bound), total, one.exemplars.get(place))
                for place, (bound, total) in enumerate(zip(self._bounds, accumulate(one.counts), strict=True))
            ]
            family.add_metric(labels, buckets, one.seconds)
        return [family]


class _Observed:
    """What a histogram holds under one label set."""

    __slots__ = ("counts", "exemplars", "seconds")

    def __init__(self, buckets: int) -> None:
        self.counts = [0] * buckets
        self.seconds = 0.0
        self.exemplars: dict[int, Exemplar] = {}


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
