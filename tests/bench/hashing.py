"""A loop that only verifies passwords: the limit of every login. ``python -m bench.hashing LIBRARY SECONDS THREADS``.

The reference is argon2-cffi, the library that most verify with, whatever ours is: a reference that gets faster with the
product would hide what became of it. What a login costs beside its hash, the loop of our own tells.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher

from bench.installation import pinned_to_service_core
from bench.measurement import Measurement, percentiles
from support.repository import ROOT
from valetkey.runtime.password_hash import verify_password
from valetkey.runtime.settings.settings import Settings

REFERENCE, OURS = "argon2-cffi", "ours"
_HASHER = PasswordHasher(Settings.password_time_cost, Settings.password_memory_cost, parallelism=1)
_VERIFY = {REFERENCE: _HASHER.verify, OURS: verify_password}


def verify_for(library: str, seconds: float, threads: int) -> tuple[float, list[float]]:
    """How long it took and how long each verification did, in seconds, with the parameters of the default settings."""
    verify_with = _VERIFY[library]
    password = "correct horse battery staple"
    stored = _HASHER.hash(password)
    began = time.perf_counter()

    def verify(_: int) -> list[float]:
        done, now = [], time.perf_counter()
        while now - began < seconds:
            verify_with(stored, password)
            done.append(time.perf_counter() - now)
            now = time.perf_counter()
        return done

    with ThreadPoolExecutor(threads) as pool:
        latencies = [latency for each in pool.map(verify, range(threads)) for latency in each]
    return time.perf_counter() - began, latencies


async def measure_hashing(library: str, seconds: float) -> Measurement:
    """The loop in a process of its own, where services are measured, on as many threads as they hash with."""
    run = await asyncio.create_subprocess_exec(
        *(*pinned_to_service_core(), sys.executable, "-m", "bench.hashing"),
        *(library, str(seconds), str(Settings.password_workers)),
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT / "tests")},
    )
    said, _ = await run.communicate()
    return Measurement(**json.loads(said))


def _main() -> None:
    used = time.process_time()
    elapsed, latencies = verify_for(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]))
    used = time.process_time() - used
    p50, p95, p99 = percentiles(latencies)
    found = {"units": len(latencies), "seconds": elapsed, "cpu_seconds": used, "driver_load": 0.0}
    sys.stdout.write(json.dumps(found | {"p50": p50, "p95": p95, "p99": p99}))


if __name__ == "__main__":
    _main()
