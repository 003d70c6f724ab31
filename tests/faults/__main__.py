"""``make soak``: every fault with thousands of calls, and the table of what came of it."""

from __future__ import annotations

import argparse
import asyncio
import secrets
import sys

from faults.catalogue import FAULTS
from faults.run import BUILD, run
from faults.site import Site
from faults.table import Row, markdown, write_table


async def soak(options: argparse.Namespace) -> list[Row]:
    """Each chosen fault so many times, at one site."""
    rows = []
    async with Site() as site:
        for fault in FAULTS:
            if options.only not in fault.name:
                continue
            if why_not := fault.why_not(site):
                sys.stdout.write(f"{fault.name}: left out, {why_not}\n")
                continue
            for _ in range(options.rounds):
                found = await run(
                    site, fault, operations=options.operations, clients=options.clients, seed=secrets.randbits(32)
                )
                rows.append(Row.of(found))
                sys.stdout.write(
                    markdown(rows[-1:]).splitlines()[-1] + f"\n{found.explanation}\n" * bool(found.violations)
                )
                sys.stdout.write("\n")
                sys.stdout.flush()
    return rows


def main() -> int:
    """The exit code: 1 where a promise was broken."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--operations", type=int, default=5000, help="least number of calls under each fault")
    parser.add_argument("--clients", type=int, default=12, help="clients at a time, each with a user of its own")
    parser.add_argument("--rounds", type=int, default=1, help="how often to inflict each fault")
    parser.add_argument("--only", default="", help="faults whose name contains this")
    rows = asyncio.run(soak(parser.parse_args()))
    write_table(rows)
    sys.stdout.write(f"\n{markdown(rows)}\nhistories are in {BUILD}\n")
    return 1 if any(row.violations for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
