"""What a run costs, whichever driver it had."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import psutil

SHARES = (0.5, 0.95, 0.99)


@dataclass(frozen=True, slots=True)
class Measurement:
    """``units`` of work in ``seconds``; ``cpu_seconds`` of the services; latencies in milliseconds.

    ``driver_load`` is the share of a core that the driver used: near 1, it is the driver that was measured.
    """

    units: int
    seconds: float
    cpu_seconds: float
    driver_load: float
    p50: float
    p95: float
    p99: float

    @property
    def per_second(self) -> float:
        """Units per second."""
        return self.units / self.seconds if self.seconds else 0.0

    @property
    def per_core(self) -> float:
        """Units per second of the services' CPU time."""
        return self.units / self.cpu_seconds if self.cpu_seconds else 0.0

    @property
    def cpu_microseconds(self) -> float:
        """CPU time of the services per unit."""
        return 1e6 * self.cpu_seconds / self.units if self.units else 0.0


def percentiles(latencies: Sequence[float]) -> tuple[float, float, float]:
    """p50, p95 and p99 of ``latencies`` in seconds, as milliseconds: what that share of them does not exceed."""
    if not latencies:
        return 0.0, 0.0, 0.0
    ascending, last = sorted(latencies), len(latencies) - 1
    p50, p95, p99 = (1e3 * ascending[min(int(share * len(ascending)), last)] for share in SHARES)
    return p50, p95, p99


def cpu_seconds(processes: Sequence[psutil.Process]) -> float:
    """What these processes have used so far."""
    times = [process.cpu_times() for process in processes]
    return float(sum(each.user + each.system for each in times))
