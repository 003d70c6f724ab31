"""How large a process became while it was asked, and whether it still grows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import linear_regression

# Over a million requests: what an allocator moves by itself, and far less than one leaked object for each of them.
_FLAT_MEGABYTES_PER_MILLION = 5.0
_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Sample:
    """The resident set after so many requests."""

    requests: int
    megabytes: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """``slope`` is that of the second half, in megabytes for each million requests."""

    requests: int
    first: float
    most: float
    last: float
    slope: float
    limit: float

    @classmethod
    def of(cls, samples: Sequence[Sample], limit: float) -> Verdict:
        """What the samples say; they ascend, and the first was taken before anything was asked."""
        last = samples[-1]
        half = [sample for sample in samples if sample.requests >= last.requests / 2]
        slope = 0.0
        if len({sample.requests for sample in half}) > 1:
            fit = linear_regression([each.requests / _MILLION for each in half], [each.megabytes for each in half])
            slope = fit.slope
        most = max(sample.megabytes for sample in samples)
        return cls(last.requests, samples[0].megabytes, most, last.megabytes, slope, limit)

    @property
    def is_small(self) -> bool:
        """Whether it never took more than the limit."""
        return self.most <= self.limit

    @property
    def is_flat(self) -> bool:
        """Whether it has stopped growing."""
        return self.slope <= _FLAT_MEGABYTES_PER_MILLION

    @property
    def is_kept(self) -> bool:
        """Whether both hold."""
        return self.is_small and self.is_flat

    def record(self) -> dict[str, object]:
        """For JSON."""
        return {
            "requests": self.requests,
            "megabytes_at_first": round(self.first, 1),
            "megabytes_at_most": round(self.most, 1),
            "megabytes_at_last": round(self.last, 1),
            "slope_megabytes_per_million": round(self.slope, 2),
            "limit_megabytes": self.limit,
            "is_kept": self.is_kept,
        }

    def __str__(self) -> str:
        remark = ("" if self.is_small else ", TOO LARGE") + ("" if self.is_flat else ", STILL GROWING")
        return (
            f"{self.first:.0f} MB at first, {self.last:.0f} MB after {self.requests:,} requests, {self.most:.0f} MB at"
            f" most, {self.slope:+.1f} MB for each million in the second half{remark}"
        )
