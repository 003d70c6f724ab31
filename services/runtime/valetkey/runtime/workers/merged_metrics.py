"""What all workers count, as one exposition: every sample says whose it is.

Nothing is added up. A worker that ends takes its series along, and the one that takes over its number begins at zero.
To Prometheus that is a restart, as of any process; a sum over workers would go backwards and be misread.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from valetkey.runtime.telemetry.metric import REGISTRY

LABEL = "worker"
_OPENMETRICS = "application/openmetrics-text; version=1.0.0"


def own_metrics() -> bytes:
    """Everything this process counts, as OpenMetrics: the only text form that keeps exemplars."""
    encode, _ = choose_encoder(_OPENMETRICS)
    return encode(REGISTRY)


@dataclass(frozen=True, slots=True, eq=False)  # a registry wants to find it by identity
class _Merged(Collector):
    families: Mapping[str, Metric]

    def collect(self) -> Iterable[Metric]:
        """Each family once, with the samples of all workers."""
        return self.families.values()


def _families(text: str) -> Iterator[Metric]:
    if text:
        yield from text_string_to_metric_families(text)  # type: ignore[no-untyped-call]


def merge(expositions: Mapping[int, str]) -> CollectorRegistry:
    """A registry that holds what these workers say, by their number; an empty text says nothing."""
    families: dict[str, Metric] = {}
    for slot, text in sorted(expositions.items()):
        for family in _families(text):
            merged = families.setdefault(
                family.name, Metric(family.name, family.documentation, family.type, family.unit)
            )
            merged.samples += (sample._replace(labels={**sample.labels, LABEL: str(slot)}) for sample in family.samples)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Merged(families))
    return registry
