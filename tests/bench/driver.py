"""Who drives: ``wrk`` where it is installed and nothing has to be remembered, otherwise our generator."""

from __future__ import annotations

from collections.abc import Sequence

import psutil

from bench.generator import measure
from bench.installation import Server
from bench.measurement import Measurement, Meter
from bench.work import Requests, Work
from bench.wrk import find_wrk, measure_with_wrk

WRK, GENERATOR = "wrk", "generator"


def driver_of(*, remembers: bool) -> str:
    """The driver's name."""
    return WRK if find_wrk() and not remembers else GENERATOR


async def drive(
    servers: Sequence[Server],
    work: Work,
    driver: str,
    *,
    connections: int,
    seconds: float,
    warm_up: float = 1.0,
    stores: Sequence[psutil.Process] = (),
) -> Measurement:
    """Measure these services together, and the stores beside them; the first is the one that ``turn`` 0 means."""
    meter = Meter([server.process for server in servers], stores)
    if driver == WRK and isinstance(work, Requests):
        return await measure_with_wrk(
            servers[0].url, work, meter, connections=connections, seconds=seconds, warm_up=warm_up
        )
    conversations = work.conversation if isinstance(work, Requests) else work
    urls = [server.url for server in servers]
    return await measure(urls, conversations, meter, connections=connections, seconds=seconds, warm_up=warm_up)
