"""What a run costs, whichever driver it had."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import psutil

SHARES = (0.5, 0.95, 0.99)


@dataclass(frozen=True, slots=True)
class Measurement:
    """``units`` of work in ``seconds``; ``cpu_seconds`` of the services, ``store_seconds`` of PostgreSQL and Redis.

    Latencies in milliseconds.

    ``driver_load`` is the share of a core that the driver used: near 1, it is the driver that was measured.
    """

    units: int
    seconds: float
    cpu_seconds: float
    driver_load: float
    p50: float
    p95: float
    p99: float
    store_seconds: float = 0.0

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

    @property
    def store_microseconds(self) -> float:
        """CPU time of the stores per unit."""
        return 1e6 * self.store_seconds / self.units if self.units else 0.0


@dataclass(frozen=True, slots=True)
class Meter:
    """Reads the CPU time of the services that are measured, and of the stores beside them."""

    services: Sequence[psutil.Process]
    stores: Sequence[psutil.Process] = ()

    def read(self) -> tuple[float, float]:
        """Of the services and of the stores, so far, in seconds."""
        return cpu_seconds(self.services), sum(map(_with_children, self.stores))


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


def _with_children(process: psutil.Process) -> float:
    """PostgreSQL has a process for each connection; what those that are gone have used is its own."""
    own = process.cpu_times()
    return float(own.children_user + own.children_system) + cpu_seconds([process, *process.children()])
