"""What the services emit: every metric with its labels, from real scrapes and from what the code declares."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache

from prometheus_client.parser import text_string_to_metric_families

from valetkey.runtime.telemetry import metrics
from valetkey.runtime.telemetry.metric import Metric

# What Prometheus itself adds to every target.
TARGET_LABELS = frozenset({"namespace", "pod", "job"})
OF_PROMETHEUS = {"up": TARGET_LABELS}


@dataclass
class Scrape:
    """The values of each label of each sample that was seen."""

    values: dict[str, dict[str, set[str]]] = field(default_factory=dict)

    @classmethod
    def of(cls, management_urls: Iterable[str]) -> Scrape:
        """Scrape these."""
        scrape = cls()
        for url in management_urls:
            with urllib.request.urlopen(f"{url}/metrics", timeout=5) as answer:  # noqa: S310 - an address of ours
                text = answer.read().decode()
            for family in text_string_to_metric_families(text):
                for sample in family.samples:
                    scrape.add(sample.name, sample.labels)
        return scrape

    def add(self, name: str, labels: Mapping[str, str]) -> None:
        """Take note of a sample."""
        seen = self.values.setdefault(name, {})
        for label, value in labels.items():
            seen.setdefault(label, set()).add(value)

    def update(self, other: Scrape) -> None:
        """Take note of what another one has seen."""
        for name, labels in other.values.items():
            seen = self.values.setdefault(name, {})
            for label, values in labels.items():
                seen.setdefault(label, set()).update(values)


@cache
def declared() -> dict[str, frozenset[str]]:
    """The labels of every sample that our code can emit, by name."""
    found: dict[str, frozenset[str]] = {}
    for metric in vars(metrics).values():
        if not isinstance(metric, Metric):
            continue
        labels = frozenset(metric.labels)
        if metric.kind == "histogram":
            found |= {
                f"{metric.name}_bucket": labels | {"le"},
                f"{metric.name}_sum": labels,
                f"{metric.name}_count": labels,
            }
        else:
            found[metric.scraped_name] = labels
    return found
