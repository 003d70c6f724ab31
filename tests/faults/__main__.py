"""``make soak``: every fault with thousands of calls, and the table of what came of it."""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import signal
import sys

from faults.catalogue import FAULTS
from faults.fault import Fault
from faults.faults_of_failovers import FAULTS as FAILOVERS
from faults.run import BUILD, run
from faults.site import Site
from faults.storm import draw_storm
from faults.table import Row, markdown, write_table

_TERMINATED = 128 + signal.SIGTERM


async def soak(options: argparse.Namespace) -> list[Row]:
    """Each chosen fault so many times: at one site, and failovers each at a site of its own."""
    rows: list[Row] = []
    storms = [draw_storm(secrets.randbits(16)) for _ in range(options.storms)]
    chosen = [fault for fault in FAULTS for _ in range(options.rounds) if options.only in fault.name] + storms
    if chosen:
        async with Site() as site:
            for fault in chosen:
                await _show(rows, site, fault, options)
    for fault in (fault for fault in FAILOVERS for _ in range(options.rounds) if options.only in fault.name):
        async with Site(fault.redis()) as site:
            await _show(rows, site, fault, options)
    return rows


async def _show(rows: list[Row], site: Site, fault: Fault, options: argparse.Namespace) -> None:
    if why_not := fault.why_not(site):
        sys.stdout.write(f"{fault.name}: left out, {why_not}\n")
        return
    found = await run(site, fault, operations=options.operations, clients=options.clients, seed=secrets.randbits(32))
    rows.append(Row.of(found))
    *_, line = markdown(rows[-1:]).splitlines()
    sys.stdout.write(f"{line}\n{found.explanation}{os.linesep * bool(found.violations)}")
    sys.stdout.flush()


def main() -> int:
    """The exit code: 1 where a promise was broken."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--operations", type=int, default=5000, help="least number of calls under each fault")
    parser.add_argument("--clients", type=int, default=12, help="clients at a time, each with a user of its own")
    parser.add_argument("--rounds", type=int, default=1, help="how often to inflict each fault")
    parser.add_argument("--storms", type=int, default=0, help="how often to inflict several faults at once")
    parser.add_argument("--only", default="", help="faults whose name contains this")
    # SIGTERM clears everything away too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(_TERMINATED))
    rows = asyncio.run(soak(parser.parse_args()))
    write_table(rows)
    sys.stdout.write(f"\n{markdown(rows)}\nhistories are in {BUILD}\n")
    return 1 if any(row.violations for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
