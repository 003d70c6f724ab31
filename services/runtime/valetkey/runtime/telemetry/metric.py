"""The kinds of metric: a count, a duration, a level. Their labels stay bounded whatever a client sends.

They are kept here and only shown by the Prometheus client: its own cost a request as much as reading its form does.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from bisect import bisect_left
from copy import deepcopy
from itertools import accumulate
from threading import Lock
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.samples import Exemplar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from prometheus_client.metrics_core import Metric as Family

    Source = Callable[[], Mapping[tuple[str, ...], float]]

REGISTRY = CollectorRegistry()
OTHER = "other"
# More label sets than the product has; a label that a bug lets clients choose ends up as "other" here.
MAX_LABEL_SETS = 500
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
EVERY_SERVICE = ("authorize", "token", "introspection")

ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)


class Metric(ABC):
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

    @abstractmethod
    def collect(self) -> Sequence[Family]:
        """What is shown, with its samples."""

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
        """The totals, for a scrape."""
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
        self._names = [*map(str, map(float, buckets)), "+Inf"]
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
                observed.exemplars[bucket] = Exemplar({"trace_id": trace_id}, seconds)

    def describe(self) -> list[HistogramMetricFamily]:
        """What ``collect`` will yield, without values."""
        return [HistogramMetricFamily(self.name, self.doc, labels=self.labels)]

    def collect(self) -> list[HistogramMetricFamily]:
        """The cumulative buckets, for a scrape."""
        (family,) = self.describe()
        with self._lock:
            observed = {labels: deepcopy(one) for labels, one in self._observed.items()}
        for labels, one in sorted(observed.items()):
            family.add_metric(labels, list(self._buckets(one)), one.seconds)
        return [family]

    def _buckets(self, observed: _Observed) -> Iterator[tuple[str, float] | tuple[str, float, Exemplar]]:
        for place, total in enumerate(accumulate(observed.counts)):
            exemplar = observed.exemplars.get(place)
            yield (self._names[place], total) if exemplar is None else (self._names[place], total, exemplar)


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
        self._lock = Lock()
        self._values: dict[tuple[str, ...], float] = {}
        self._sources: list[Source] = []
        registry.register(self)

    def set(self, value: float, *labels: str) -> None:
        """Set the level under these labels in their declared order."""
        with self._lock:
            self._values[labels] = value

    def change(self, by: float, *labels: str) -> None:
        """Raise or lower the level."""
        with self._lock:
            self._values[labels] = self._values.get(labels, 0) + by

    def replace(self, values: Mapping[tuple[str, ...], float]) -> None:
        """Set these, and forget every other label set."""
        with self._lock:
            self._values = dict(values)

    def add_source(self, source: Source) -> None:
        """Ask for levels only at a scrape; several sources add up."""
        self._sources.append(source)

    def remove_source(self, source: Source) -> None:
        """Ask no more."""
        self._sources.remove(source)

    def describe(self) -> list[GaugeMetricFamily]:
        """What ``collect`` may yield, without values."""
        return [GaugeMetricFamily(self.name, self.doc, labels=self.labels)]

    def collect(self) -> list[GaugeMetricFamily]:
        """The levels, for a scrape. A process that never learns a level must not report zero."""
        (family,) = self.describe()
        with self._lock:
            values = dict(self._values)
        for source in list(self._sources):
            for labels, value in source().items():
                values[labels] = values.get(labels, 0) + value
        for labels, value in sorted(values.items()):
            family.add_metric(labels, value)
        return [family] if values else []
