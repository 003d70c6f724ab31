"""Drives a service with ``wrk``, which costs little beside what it measures."""

from __future__ import annotations

import asyncio
import json
import math
import resource
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from bench.exchange import UnexpectedAnswerError
from bench.measurement import Measurement, Meter, cpu_seconds
from bench.work import Requests

_SCRIPT = Path(__file__).with_name("requests.lua")
_TIMEOUT = "10s"
_PAUSE, _MOST_PAUSES, _IDLE = 0.2, 50, 0.1


def find_wrk() -> str | None:
    """The program, or None where it is not installed."""
    return shutil.which("wrk")


async def measure_with_wrk(
    url: str,
    work: Requests,
    meter: Meter,
    *,
    connections: int,
    seconds: float,
    warm_up: float = 1.0,
) -> Measurement:
    """Say it over so many connections, for whole seconds: ``wrk`` knows no others.

    Raises ``UnexpectedAnswerError`` with the first of them, and ``ConnectionError`` where a connection failed.
    """
    with tempfile.NamedTemporaryFile(prefix="valetkey-bench-") as file:
        for request in work.requests:
            file.write(b"%d\n%b" % (len(request), request))
        file.flush()
        if warm_up:
            await _run(url, work, file.name, connections, warm_up)
            await _until_idle(meter.services)
        (before, stores_before), began, own = meter.read(), time.perf_counter(), _children()
        found = await _run(url, work, file.name, connections, seconds)
        load = (_children() - own) / (time.perf_counter() - began)
        after, stores_after = meter.read()
    await _until_idle(meter.services)
    p50, p95, p99 = (found[name] / 1e3 for name in ("p50", "p95", "p99"))
    used, stores = after - before, stores_after - stores_before
    return Measurement(found["units"], found["microseconds"] / 1e6, used, load, p50, p95, p99, stores)


async def _run(url: str, work: Requests, file: str, connections: int, seconds: float) -> dict[str, int]:
    run = await asyncio.create_subprocess_exec(
        *(find_wrk() or "wrk", "--threads", "1", "--connections", str(connections)),
        *("--duration", f"{math.ceil(seconds)}s", "--timeout", _TIMEOUT, "--script", str(_SCRIPT), url, "--"),
        *(file, str(work.next), str(work.status), work.containing.decode()),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await run.communicate()
    lines = said.decode(errors="replace").splitlines()
    if run.returncode or not lines or not lines[-1].startswith("{"):
        raise ChildProcessError(f"wrk ended with {run.returncode}: {said[:500]!r}")
    found = json.loads(lines[-1])
    if found["unexpected"]:
        raise UnexpectedAnswerError(f"{found['unexpected']} of {found['units']}, the first: {found['example']}")
    if found["failed"] or not found["units"]:
        raise ConnectionError(f"{found['failed']} connections or requests failed, {found['units']} were answered")
    # What was still under way at the end has been sent as well.
    work.advance(found["units"] + connections)
    return dict(found)


async def _until_idle(processes: Sequence[psutil.Process]) -> None:
    """What ``wrk`` no longer waited for is still being answered, and must not count as work for what comes next."""
    used = cpu_seconds(processes)
    for _ in range(_MOST_PAUSES):
        await asyncio.sleep(_PAUSE)
        used, before = cpu_seconds(processes), used
        if used - before < _IDLE * _PAUSE:
            return


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
