"""``make bench``: one table of what each endpoint costs, as ratios to a bare handler measured in the same run."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import uvloop

from bench.installation import Installation, installation
from bench.picture import Panel, to_svg
from bench.rounds import Rounds, say
from bench.row import Row
from bench.scenario import BARE, HOT, SCENARIOS, Load, chosen_from
from bench.sweep import Point, sweep
from bench.table import markdown, terminal_head, terminal_line
from bench.world import world
from valetkey.runtime.lifecycle.clock import system_clock

BUILD = Path("build")


@dataclass(frozen=True, slots=True)
class Found:
    """What a run leaves behind."""

    rows: Sequence[Row]
    points: Sequence[Point]
    failures: Sequence[str]

    @property
    def is_kept(self) -> bool:
        """Whether everything answered as it should, and within its budget."""
        return not self.failures and all(row.is_kept for row in self.rows)


async def run(options: argparse.Namespace, where: Installation) -> Found:
    """Every round of the chosen scenarios, then the sweep."""
    chosen = chosen_from(SCENARIOS, options.only)
    async with world(where) as actors:
        rounds = Rounds(actors, Load(options.connections, options.seconds))
        for _ in range(options.rounds):
            await rounds.measure(chosen)
        points: list[Point] = []
        failures: list[str] = []
        if options.picture:
            points, failures = await sweep(actors, [BARE, *chosen_from(HOT, options.only)], options.seconds)
    return Found(rounds.rows, points, [*rounds.failures, *failures])


def picture_of(points: Sequence[Point]) -> str:
    """Throughput and p99 of every endpoint."""
    names = list(dict.fromkeys(point.name for point in points))
    throughput = {
        name: [(point.connections, point.measured.per_second) for point in points if point.name == name]
        for name in names
    }
    tail = {name: [(point.connections, point.measured.p99) for point in points if point.name == name] for name in names}
    return to_svg(
        "One core of a service against connections",
        [
            Panel("Throughput", "connections", "requests per second", throughput),
            Panel("Latency, p99", "connections", "milliseconds", tail),
        ],
    )


def machine(connections: int) -> dict[str, object]:
    """What is measured on, when and how, and how busy it was with other things: asked before anything begins."""
    is_optimized = "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or "")
    return {
        "measured_at": system_clock().date().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} CPUs",
        "python": platform.python_version(),
        "python_build": "profile-guided" if is_optimized else "without profile-guided optimization",
        "connections": connections,
        "durability": "every commit forced to disk",
        "load_average_before": round(os.getloadavg()[1], 1),
    }


def write(found: Found, begun: Mapping[str, object], directory: Path) -> None:
    """``bench.json``, ``bench.md`` and, where there was a sweep, ``bench.svg``."""
    document = {
        **begun,
        "scenarios": [row.record() for row in found.rows],
        "concurrency": [point.record() for point in found.points],
        "failures": list(found.failures),
    }
    (directory / "bench.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    (directory / "bench.md").write_text(markdown(found.rows), encoding="utf-8")
    if found.points:
        (directory / "bench.svg").write_text(picture_of(found.points), encoding="utf-8")


def main() -> int:
    """The exit code: 1 where a budget is not kept, or a scenario failed."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="length of each measurement; whole ones for wrk")
    parser.add_argument("--connections", type=int, default=64, help="connections at a time")
    parser.add_argument("--rounds", type=int, default=1, help="how often to measure everything; the median counts")
    parser.add_argument(
        "--only", action="append", default=[], help="scenarios whose name contains this; may be repeated"
    )
    parser.add_argument("--no-picture", dest="picture", action="store_false", help="leave out the sweep")
    parser.add_argument("--build", type=Path, default=BUILD, help="directory of what is written")
    options = parser.parse_args()
    begun = machine(options.connections)
    options.build.mkdir(parents=True, exist_ok=True)
    with installation(options.build / "bench.log") as where:
        say(terminal_head())
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
            found = loop.run(run(options, where))
    write(found, begun, options.build)
    say("\n".join(("", terminal_head(), *map(terminal_line, found.rows), *found.failures)))
    return 0 if found.is_kept else 1


if __name__ == "__main__":
    sys.exit(main())
