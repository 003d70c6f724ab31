"""Each hot endpoint against the number of connections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from bench.driver import drive, driver_of
from bench.exchange import FAILURES
from bench.measurement import Measurement
from bench.rounds import failure, say, servers_of
from bench.scenario import Load, Scenario
from bench.world import World

CONNECTIONS = (1, 4, 16, 64, 256)


@dataclass(frozen=True, slots=True)
class Point:
    """What one endpoint did with so many connections."""

    name: str
    connections: int
    measured: Measurement

    def record(self) -> dict[str, object]:
        """For JSON. Latencies in milliseconds."""
        found = self.measured
        return {
            "scenario": self.name,
            "connections": self.connections,
            "per_second": round(found.per_second, 1),
            "per_second_per_core": round(found.per_core, 1),
            "p50": round(found.p50, 3),
            "p99": round(found.p99, 3),
        }


async def sweep(world: World, scenarios: Sequence[Scenario], seconds: float) -> tuple[list[Point], list[str]]:
    """Every endpoint with every number of connections, and which of them failed."""
    points, failures = [], []
    for scenario, connections in product(scenarios, CONNECTIONS):
        try:
            found = await _measure(world, scenario, connections, seconds)
        except FAILURES as error:
            failures.append(failure(f"{scenario.name}, {connections} connections", error))
        else:
            points.append(Point(scenario.name, connections, found))
            say(f"{scenario.name:27} {connections:4} connections {found.per_second:8.0f} req/s {found.p99:8.2f} ms p99")
    return points, failures


async def _measure(world: World, scenario: Scenario, connections: int, seconds: float) -> Measurement:
    work, driver = await scenario.prepare(world, Load(connections, seconds)), driver_of(remembers=scenario.remembers)
    servers = servers_of(world.installation, scenario)
    return await drive(servers, work, driver, connections=connections, seconds=seconds)
