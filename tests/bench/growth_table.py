"""What each endpoint costs at each size, as people and machines read it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.counters import Counters
from bench.measurement import Measurement

# Farther from its smallest size than a shared machine is from itself.
_FLAT = 1.25


@dataclass(frozen=True, slots=True)
class Size:
    """One endpoint at one size.

    ``bare`` is the bare handler's CPU time per request right beside it, ``megabytes`` the service's resident set.
    """

    endpoint: str
    size: str
    measured: Measurement
    counters: Counters
    bare: float
    megabytes: float

    def ratio(self, smallest: Size) -> float:
        """Of the CPU time per request to that of the smallest size, in units of the bare handler's."""
        cost, least = self.measured.cpu_microseconds / self.bare, smallest.measured.cpu_microseconds / smallest.bare
        return cost / least

    def record(self, smallest: Size) -> dict[str, object]:
        """For JSON."""
        found = self.measured
        return {
            "endpoint": self.endpoint,
            "size": self.size,
            "cpu_microseconds": round(found.cpu_microseconds, 1),
            "bare_cpu_microseconds": round(self.bare, 1),
            "ratio": round(self.ratio(smallest), 3),
            "sql_per_request": round(self.counters.sql_per_request, 3),
            "redis_per_request": round(self.counters.redis_per_request, 3),
            "megabytes": round(self.megabytes, 1),
            "per_second": round(found.per_second, 1),
            "p50": round(found.p50, 3),
            "p99": round(found.p99, 3),
        }


def head() -> str:
    """The names of the columns."""
    names = ("µs CPU", "bare µs", "ratio", "SQL/req", "Redis/req", "p99 ms", "MB")
    return f"{'':21} {'':34} " + " ".join(f"{name:>9}" for name in names)


def line(row: Size, smallest: Size) -> str:
    """One row, and whether it is flat."""
    found, ratio = row.measured, row.ratio(smallest)
    cells = (
        f"{found.cpu_microseconds:.0f}",
        f"{row.bare:.0f}",
        f"{ratio:.2f}",
        f"{row.counters.sql_per_request:.2f}",
        f"{row.counters.redis_per_request:.2f}",
        f"{found.p99:.1f}",
        f"{row.megabytes:.0f}",
    )
    remark = "" if ratio <= _FLAT else "  NOT FLAT"
    return f"{row.endpoint:21} {row.size:34} " + " ".join(f"{cell:>9}" for cell in cells) + remark


def smallest_of(rows: Sequence[Size], endpoint: str) -> Size:
    """What the others of this endpoint are compared to: the first."""
    return next(row for row in rows if row.endpoint == endpoint)
