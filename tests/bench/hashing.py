"""A loop that only verifies passwords: the limit of every login. ``python -m bench.hashing SECONDS THREADS``."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher

from valetkey.runtime.settings import Settings


def verifications_per_second(seconds: float, threads: int) -> float:
    """With the parameters that settings have by default."""
    hasher = PasswordHasher(Settings.password_time_cost, Settings.password_memory_cost, Settings.password_parallelism)
    password = "correct horse battery staple"
    stored = hasher.hash(password)
    began = time.perf_counter()

    def verify(_: int) -> int:
        done = 0
        while time.perf_counter() - began < seconds:
            hasher.verify(stored, password)
            done += 1
        return done

    with ThreadPoolExecutor(threads) as pool:
        done = sum(pool.map(verify, range(threads)))
    return done / (time.perf_counter() - began)


if __name__ == "__main__":
    sys.stdout.write(f"{verifications_per_second(float(sys.argv[1]), int(sys.argv[2]))}\n")
