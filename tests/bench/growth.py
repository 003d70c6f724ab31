"""``make bench-growth``: what hot endpoints cost with few and with very many clients, revocations, authorizations."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from pathlib import Path
from statistics import fmean
from uuid import UUID

import uvloop
from redis.asyncio import Redis

from bench.__main__ import BUILD, machine
from bench.collect import collect
from bench.counters import read_counters
from bench.driver import drive, driver_of
from bench.exchange import post
from bench.growth_table import Size, head, line, smallest_of
from bench.installation import Installation, installation
from bench.population import Population
from bench.population_work import ENDPOINTS, Callers, Endpoint
from bench.rounds import say
from bench.scenario import BARE, Load, chosen_from
from bench.world import World, basic, world
from valetkey.runtime.settings.settings import Settings
from valetkey.storage.redis.kept.revocation_writer import MARKER

_HOT = 100
_REDIRECT = 303
_LOADING_SECONDS = 900.0


class Growth:
    """Grows one installation step by step, and measures every endpoint after each."""

    def __init__(self, actors: World, cookies: str, options: argparse.Namespace) -> None:
        self._world = actors
        self._cookies = cookies
        self._options = options
        self._population = Population(actors.installation.postgres_dsn, UUID(actors.person.subject))
        self._endpoints = chosen_from(ENDPOINTS, options.only)
        self.rows: list[Size] = []
        self.loading: dict[str, float] = {}

    async def run(self) -> None:
        """Every step. After the clients have been added, a hundred of them send requests."""
        await self._population.grow(self._options.clients[0])
        # A process that has just begun costs more than it will.
        await self._measure("the first time", range(self._options.clients[0]))
        self.rows.clear()
        for clients in self._options.clients:
            await self._population.grow(clients)
            await self._population.analyze()
            all_of_them = range(clients)
            await self._measure(f"{clients:,} clients, all ask", all_of_them)
            if clients > _HOT:
                await self._measure(f"{clients:,} clients, {_HOT} ask", all_of_them[:: clients // _HOT][:_HOT])
        hot = range(min(_HOT, self._options.clients[-1]))
        if self._options.revocations:
            await self._load_revocations(self._options.revocations)
            await self._measure(f"+ {self._options.revocations:,} revocations", hot)
        if self._options.authorizations:
            await self._population.authorize(
                [number % self._options.clients[-1] for number in range(self._options.authorizations)]
            )
            await self._population.analyze()
            await self._measure(f"+ {self._options.authorizations:,} authorizations", hot)
        # Where these differ from the first, it is the machine that has changed.
        first = self._options.clients[0]
        await self._measure(f"{first:,} clients ask, at the end", range(first))

    async def _measure(self, size: str, clients: range) -> None:
        for endpoint in self._endpoints:
            callers = Callers(self._world, self._population, clients, self._cookies, self._options.seconds)
            row = await self._measure_one(endpoint, size, callers)
            self.rows.append(row)
            say(line(row, smallest_of(self.rows, endpoint.name)))

    async def _measure_one(self, endpoint: Endpoint, size: str, callers: Callers) -> Size:
        where, load = self._world.installation, Load(self._options.connections, self._options.seconds)
        server = where.servers[endpoint.server]
        driver = driver_of(remembers=endpoint.remembers)
        before = await self._bare(driver, load)
        work = await endpoint.prepare(callers)
        most = where.settings.client_cache_size
        status = _REDIRECT if endpoint.server == "authorize" else 200
        await collect(server.url, callers.warmers(endpoint, work, most), status)
        await drive([server], work, driver, connections=load.connections, seconds=1, warm_up=0)
        counted = read_counters(server.management_url)
        found = await drive([server], work, driver, connections=load.connections, seconds=load.seconds, warm_up=0)
        counters = read_counters(server.management_url).since(counted)
        megabytes = server.process.memory_info().rss / 1e6
        bare = fmean((before, await self._bare(driver, load)))
        return Size(endpoint.name, size, found, counters, bare, megabytes)

    async def _bare(self, driver: str, load: Load) -> float:
        server = self._world.installation.servers["bare"]
        work = await BARE.prepare(self._world, load)
        found = await drive([server], work, driver, connections=load.connections, seconds=load.seconds, warm_up=0.0)
        return found.cpu_microseconds

    async def _load_revocations(self, number: int) -> None:
        began = time.perf_counter()
        await self._population.revoke(number)
        await self._population.analyze()
        copied = time.perf_counter()
        async with Redis.from_url(self._world.installation.settings.redis_url.reveal()) as redis:
            before = int((await redis.info("memory"))["used_memory"])
            await redis.delete(MARKER)
            await self._wait_until_loaded(redis)
            loaded, after = time.perf_counter(), int((await redis.info("memory"))["used_memory"])
        self.loading = {
            "revocations": number,
            "seconds_to_copy": round(copied - began, 1),
            "seconds_to_load": round(loaded - copied, 1),
            "redis_megabytes_before": round(before / 1e6, 1),
            "redis_megabytes_after": round(after / 1e6, 1),
            "redis_bytes_each": round((after - before) / number),
        }
        say(
            f"{number:,} revocations: in Redis after {loaded - copied:.0f} s, {(after - before) / 1e6:.0f} MB there,"
            f" {(after - before) / number:.0f} bytes each"
        )

    async def _wait_until_loaded(self, redis: Redis) -> None:
        # An introspection makes the service find out that Redis lost its marker, and load.
        server, token = self._world.installation.servers["introspection"], await self._world.machine_token()
        request = post("/introspect", [("token", token)], basic(self._world.api))
        async with asyncio.timeout(_LOADING_SECONDS):
            while True:
                await collect(server.url, [request])
                marker = await redis.get(MARKER)
                if isinstance(marker, bytes) and not marker.startswith(b"loading:"):
                    return
                await asyncio.sleep(0.1)


async def _grow(where: Installation, options: argparse.Namespace) -> Growth:
    async with world(where) as actors:
        growth = Growth(actors, await actors.signed_in_cookies(), options)
        await growth.run()
    return growth


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="make bench-growth", description=__doc__)
    parser.add_argument("--clients", type=int, nargs="+", default=[10, 10_000, 100_000], help="how many, ascending")
    parser.add_argument("--revocations", type=int, default=1_000_000, help="how many live ones")
    parser.add_argument("--authorizations", type=int, default=1_000_000, help="how many rows")
    parser.add_argument(
        "--client-cache-size", type=int, default=Settings.client_cache_size, help="VALETKEY_CLIENT_CACHE_SIZE"
    )
    parser.add_argument("--seconds", type=float, default=3.0, help="length of each measurement; whole ones for wrk")
    parser.add_argument("--connections", type=int, default=32, help="connections at a time")
    parser.add_argument(
        "--only", action="append", default=[], help="endpoints whose name contains this; may be repeated"
    )
    parser.add_argument("--build", type=Path, default=BUILD, help="directory of what is written")
    options = parser.parse_args()
    begun = machine(options.connections)
    options.build.mkdir(parents=True, exist_ok=True)
    size = {"VALETKEY_CLIENT_CACHE_SIZE": str(options.client_cache_size)}
    with installation(options.build / "bench.log", **size) as where:
        say(head())
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
            growth = loop.run(_grow(where, options))
    rows = growth.rows
    document = begun | {
        "client_cache_size": options.client_cache_size,
        "loading": growth.loading,
        "sizes": [row.record(smallest_of(rows, row.endpoint)) for row in rows],
    }
    (options.build / "bench-growth.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    ordered = sorted(rows, key=lambda row: [each.name for each in ENDPOINTS].index(row.endpoint))
    say("\n".join(("", head(), *(line(row, smallest_of(rows, row.endpoint)) for row in ordered))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
