"""``make bench``: one table of what each endpoint costs, as ratios to a bare handler measured in the same run."""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import uvloop

from bench.generator import Measurement, measure
from bench.installation import Installation, installation, pinned_to_service_core
from bench.scenario import BARE, LOGIN, SCENARIOS, Load, Scenario
from bench.world import world
from valetkey.runtime.settings import Settings

_BUILD = Path("build")
_COLUMNS = (
    f"{'':26} {'req/s':>8} {'/s/core':>8} {'µs CPU':>7} {'ratio':>6} {'budget':>6} {'p50':>7} {'p95':>7} {'p99':>7}"
)
_SATURATED = 0.9


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; ``ratio`` is to the bare handler, or for logins to hashing alone."""

    name: str
    measured: Measurement
    ratio: float
    budget: float | None

    def __str__(self) -> str:
        found, budget = self.measured, "" if self.budget is None else f"{self.budget:.2f}"
        latencies = " ".join(f"{found.percentile(share):7.2f}" for share in (0.5, 0.95, 0.99))
        mark = "" if self.is_kept else "  BELOW BUDGET"
        mark += "  (generator saturated)" if found.generator_load > _SATURATED else ""
        return (
            f"{self.name:26} {found.per_second:8.0f} {found.per_core:8.0f} {found.cpu_microseconds:7.0f}"
            f" {self.ratio:6.2f} {budget:>6} {latencies}{mark}"
        )

    @property
    def is_kept(self) -> bool:
        """Whether the budget is."""
        return self.budget is None or self.ratio >= self.budget

    def record(self) -> dict[str, object]:
        """For JSON. Latencies in milliseconds."""
        found = self.measured
        return {
            "scenario": self.name,
            "per_second": round(found.per_second, 1),
            "per_second_per_core": round(found.per_core, 1),
            "cpu_microseconds": round(found.cpu_microseconds, 1),
            "ratio": round(self.ratio, 3),
            "budget": self.budget,
            "p50": round(found.percentile(0.5), 3),
            "p95": round(found.percentile(0.95), 3),
            "p99": round(found.percentile(0.99), 3),
            "generator_load": round(found.generator_load, 2),
        }


async def run(scenarios: Sequence[Scenario], load: Load, rounds: int, where: Installation) -> list[Row]:
    """Every scenario, and the bare handler before each round of them."""
    rows: list[Row] = []
    async with world(where) as everybody:
        for _ in range(rounds):
            limit = 0.0
            for scenario in (BARE, *(each for each in scenarios if each is not BARE)):
                server = where.servers[scenario.server]
                conversations = await scenario.prepare(everybody, load)
                found = await measure(
                    server.url, conversations, server.process, connections=load.connections, seconds=load.seconds
                )
                limit = limit or found.per_core
                ratio, budget = found.per_core / limit, scenario.budget
                if scenario is LOGIN:
                    ratio, budget = found.per_second / _hashing(load.seconds), 0.8
                rows.append(Row(scenario.name, found, ratio, budget))
                sys.stdout.write(f"{rows[-1]}\n")
                sys.stdout.flush()
    return rows


def _hashing(seconds: float) -> float:
    command = [*pinned_to_service_core(), sys.executable, "-m", "bench.hashing", str(seconds)]
    finished = subprocess.run([*command, str(Settings.password_workers)], check=True, capture_output=True, text=True)
    return float(finished.stdout)


def main() -> int:
    """The exit code: 1 where a budget is not kept."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="length of each measurement")
    parser.add_argument("--connections", type=int, default=32, help="connections at a time")
    parser.add_argument("--rounds", type=int, default=1, help="how often to measure everything")
    parser.add_argument("--only", default="", help="scenarios whose name contains this")
    options = parser.parse_args()
    chosen = [scenario for scenario in SCENARIOS if options.only in scenario.name]
    _BUILD.mkdir(exist_ok=True)
    with installation(_BUILD / "bench.log") as where:
        sys.stdout.write(f"{_COLUMNS}\n")
        load = Load(options.connections, options.seconds)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
            rows = loop.run(run(chosen, load, options.rounds, where))
    (_BUILD / "bench.json").write_text(json.dumps([row.record() for row in rows], indent=2) + "\n")
    return 0 if all(row.is_kept for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
