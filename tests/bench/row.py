"""One line of the table: the median of what the rounds found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import fmean, median

from bench.measurement import Measurement

_SATURATED = 0.9


@dataclass(frozen=True, slots=True)
class Reading:
    """What one round found, and what the reference did right before and after it; ``alone`` with one connection."""

    measured: Measurement
    beside: Sequence[Measurement]
    alone: Measurement | None = None

    @property
    def ratio(self) -> float:
        """Of the CPU time: what a unit of the reference costs, to what a unit of this does."""
        return self.measured.per_core / (fmean(each.per_core for each in self.beside) or 1.0)

    @property
    def throughput_ratio(self) -> float:
        """Of the wall-clock time, which other processes of the machine distort."""
        return self.measured.per_second / (fmean(each.per_second for each in self.beside) or 1.0)


@dataclass(slots=True)
class Row:
    """``is_by_throughput``: the budget is one of throughput, and so is the ratio shown."""

    name: str
    driver: str
    budget: float | None = None
    is_by_throughput: bool = False
    readings: list[Reading] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """The one that the budget is about."""
        return median(each.throughput_ratio if self.is_by_throughput else each.ratio for each in self.readings)

    @property
    def is_kept(self) -> bool:
        """Whether the budget is."""
        return self.budget is None or self.ratio >= self.budget

    @property
    def is_driver_saturated(self) -> bool:
        """Whether it is the driver that was measured."""
        return self.median(lambda found: found.driver_load) > _SATURATED

    def median(self, value: Callable[[Measurement], float]) -> float:
        """Of this, over the rounds."""
        return median(value(each.measured) for each in self.readings)

    def median_alone(self, value: Callable[[Measurement], float]) -> float | None:
        """The same with one connection; None where that was not measured."""
        found = [value(each.alone) for each in self.readings if each.alone is not None]
        return median(found) if found else None

    def record(self) -> dict[str, object]:
        """For JSON. Latencies in milliseconds."""
        return {
            "scenario": self.name,
            "driver": self.driver,
            "rounds": len(self.readings),
            "per_second": round(self.median(lambda found: found.per_second), 1),
            "per_second_per_core": round(self.median(lambda found: found.per_core), 1),
            "p50": round(self.median(lambda found: found.p50), 3),
            "p95": round(self.median(lambda found: found.p95), 3),
            "p99": round(self.median(lambda found: found.p99), 3),
            "cpu_microseconds": round(self.median(lambda found: found.cpu_microseconds), 1),
            "store_microseconds": round(self.median(lambda found: found.store_microseconds), 1),
            "cpu_microseconds_alone": _round(self.median_alone(lambda found: found.cpu_microseconds)),
            "store_microseconds_alone": _round(self.median_alone(lambda found: found.store_microseconds)),
            "ratio": round(self.ratio, 3),
            "ratios": [round(each.ratio, 3) for each in self.readings],
            "throughput_ratio": round(median(each.throughput_ratio for each in self.readings), 3),
            "budget": self.budget,
            "is_kept": self.is_kept,
            "driver_load": round(self.median(lambda found: found.driver_load), 2),
        }


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
