"""Measures every scenario, with what it is compared to right before and right after it."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from bench.driver import drive, driver_of
from bench.exchange import FAILURES
from bench.hashing import OURS, REFERENCE, measure_hashing
from bench.installation import Installation, Server
from bench.measurement import Measurement
from bench.row import Reading, Row
from bench.scenario import BARE, LOGIN, Load, Scenario
from bench.table import terminal_line
from bench.work import Work
from bench.world import World

HASHING, OUR_HASHING = "hashing alone, argon2-cffi", "hashing alone, ours"


class Rounds:
    """Keeps what was prepared, and the rows; those of the references come first."""

    def __init__(self, world: World, load: Load) -> None:
        self._world = world
        self._load = load
        self._prepared: dict[str, Work] = {}
        self._rows: dict[str, Row] = {}
        self._references: dict[str, Row] = {}
        self._last: tuple[str, Measurement] | None = None
        self.failures: list[str] = []

    @property
    def rows(self) -> list[Row]:
        """What was measured so far."""
        return [*self._references.values(), *self._rows.values()]

    async def measure(self, scenarios: Sequence[Scenario]) -> None:
        """One round. A scenario that fails is noted, and leaves nothing in the table."""
        self._last = None
        for scenario in scenarios:
            try:
                await self._measure(scenario)
            except FAILURES as error:
                self.failures.append(failure(scenario.name, error))
                self._rows.pop(scenario.name, None)
                self._last = None

    async def _measure(self, scenario: Scenario) -> None:
        load, driver = self._load, driver_of(remembers=scenario.remembers)
        if scenario.most_connections is not None:
            load = Load(min(load.connections, scenario.most_connections), load.seconds)
        reference = HASHING if scenario is LOGIN else f"{BARE.name}, {driver}"
        # What is before this one was after the one before.
        is_known = self._last is not None and self._last[0] == reference
        before = self._last[1] if self._last is not None and is_known else await self._refer(reference, driver)
        work = self._prepared.get(scenario.name) or await scenario.prepare(self._world, load)
        if not scenario.is_spent:
            self._prepared[scenario.name] = work
        servers = servers_of(self._world.installation, scenario)
        stores = self._world.installation.stores
        found = await drive(servers, work, driver, connections=load.connections, seconds=load.seconds, stores=stores)
        after = await self._refer(reference, driver)
        row = self._rows.setdefault(
            scenario.name, Row(scenario.name, driver, scenario.budget, is_by_throughput=scenario is LOGIN)
        )
        alone = await self._measure_alone(scenario, driver) if scenario is not LOGIN else None
        row.readings.append(Reading(found, (before, after), alone))
        say(terminal_line(Row(row.name, driver, row.budget, row.is_by_throughput, row.readings[-1:])))

    async def _measure_alone(self, scenario: Scenario, driver: str) -> Measurement:
        """With one connection: what a request pays that shares nothing with others."""
        load = Load(1, self._load.seconds)
        work = await scenario.prepare(self._world, load) if scenario.is_spent else self._prepared[scenario.name]
        servers, stores = servers_of(self._world.installation, scenario), self._world.installation.stores
        return await drive(servers, work, driver, connections=1, seconds=load.seconds, stores=stores)

    async def _refer(self, reference: str, driver: str) -> Measurement:
        if reference == HASHING:
            found = await measure_hashing(REFERENCE, self._load.seconds)
            ours = self._references.setdefault(OUR_HASHING, Row(OUR_HASHING, "loop", is_by_throughput=True))
            ours.readings.append(Reading(await measure_hashing(OURS, self._load.seconds), (found,)))
        else:
            found = await self.bare(driver, self._load.connections)
        self._last = (reference, found)
        row = self._references.setdefault(reference, Row(reference, "loop" if reference == HASHING else driver))
        row.readings.append(Reading(found, (found,)))
        return found

    async def bare(self, driver: str, connections: int) -> Measurement:
        """The bare handler, as this driver drives it."""
        load = Load(connections, self._load.seconds)
        work = self._prepared.get(BARE.name) or await BARE.prepare(self._world, load)
        self._prepared[BARE.name] = work
        servers = servers_of(self._world.installation, BARE)
        return await drive(servers, work, driver, connections=connections, seconds=load.seconds, warm_up=0.0)


def servers_of(installation: Installation, scenario: Scenario) -> list[Server]:
    """Those that take part."""
    return [installation.servers[name] for name in scenario.servers]


def failure(name: str, error: BaseException) -> str:
    """What went wrong, said at once."""
    said = f"{name}: FAILED: {type(error).__name__}: {error}"
    say(said)
    return said


def say(line: str) -> None:
    """One line, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
