"""``make bench-memory``: the resident set of each service, while it answers a million requests."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import uvloop

from bench.__main__ import BUILD, machine
from bench.driver import drive, driver_of
from bench.installation import Installation, Server, installation
from bench.resident_set import Sample, Verdict
from bench.rounds import say
from bench.scenario import LOGIN, SCENARIOS, Load, Scenario
from bench.work import Requests, Work
from bench.world import World, world

LIMIT_MEGABYTES = 120.0
_SLICE_SECONDS = 5.0
_MIXED = ("introspect active, hot", "introspect active, cold")


@dataclass(frozen=True, slots=True)
class Filled:
    """A service that has been asked very often."""

    service: str
    verdict: Verdict
    samples: Sequence[Sample]
    seconds: float

    def record(self) -> dict[str, object]:
        """For JSON."""
        return {
            "service": self.service,
            "seconds": round(self.seconds),
            **self.verdict.record(),
            "samples": [[sample.requests, round(sample.megabytes, 1)] for sample in self.samples],
        }


async def _fill(server: Server, work: Work, options: argparse.Namespace) -> tuple[list[Sample], float]:
    """Ask until it is enough or time is up, and look at the process every few seconds."""
    began, asked, samples = time.perf_counter(), 0, [_look(server, 0)]
    driver = driver_of(remembers=False)
    slice_seconds = min(_SLICE_SECONDS, options.most_seconds)
    while asked < options.requests and time.perf_counter() - began < options.most_seconds:
        found = await drive([server], work, driver, connections=options.connections, seconds=slice_seconds, warm_up=0.0)
        asked += found.units
        samples.append(_look(server, asked))
    return samples, time.perf_counter() - began


async def _log_in(server: Server, actors: World, load: Load) -> None:
    """With passwords, so that what hashes leave behind is in every sample."""
    work, driver = await LOGIN.prepare(actors, load), driver_of(remembers=LOGIN.remembers)
    await drive([server], work, driver, connections=load.connections, seconds=load.seconds)


def _look(server: Server, asked: int) -> Sample:
    return Sample(asked, server.process.memory_info().rss / 1e6)


async def _work_of(service: str, actors: World, load: Load) -> Work:
    """What is said to this service; introspection hears of one token as often as of all the others."""
    scenarios = {scenario.name: scenario for scenario in SCENARIOS}
    if service == "introspection":
        hot, cold = [await _requests(scenarios[name], actors, load) for name in _MIXED]
        mixed = [request for each in cold.requests for request in (each, hot.requests[0])]
        return Requests(mixed, cold.status, cold.containing)
    name = "client_credentials ES256" if service == "token" else "authorize, signed in"
    return await scenarios[name].prepare(actors, load)


async def _requests(scenario: Scenario, actors: World, load: Load) -> Requests:
    work = await scenario.prepare(actors, load)
    assert isinstance(work, Requests)
    return work


async def _measure(where: Installation, options: argparse.Namespace) -> list[Filled]:
    filled = []
    async with world(where) as actors:
        for service in ("token", "introspection", "authorize"):
            load = Load(options.connections, _SLICE_SECONDS)
            work = await _work_of(service, actors, load)
            if service == "authorize":
                await _log_in(where.servers[service], actors, load)
            samples, seconds = await _fill(where.servers[service], work, options)
            found = Filled(service, Verdict.of(samples, LIMIT_MEGABYTES), samples, seconds)
            say(f"{service:14} {found.verdict}, {seconds:.0f} s")
            filled.append(found)
    return filled


def main() -> int:
    """The exit code: 1 where a service is too large, or still growing."""
    parser = argparse.ArgumentParser(prog="make bench-memory", description=__doc__)
    parser.add_argument("--requests", type=int, default=1_000_000, help="how many each service answers")
    parser.add_argument("--most-seconds", type=float, default=600.0, help="how long each may take; then it was fewer")
    parser.add_argument("--connections", type=int, default=32, help="connections at a time")
    parser.add_argument("--build", type=Path, default=BUILD, help="directory of what is written")
    options = parser.parse_args()
    begun = machine(options.connections)
    options.build.mkdir(parents=True, exist_ok=True)
    with installation(options.build / "bench.log") as where, asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
        filled = loop.run(_measure(where, options))
    document = begun | {"services": [each.record() for each in filled]}
    (options.build / "bench-memory.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return 0 if all(each.verdict.is_kept for each in filled) else 1


if __name__ == "__main__":
    sys.exit(main())
