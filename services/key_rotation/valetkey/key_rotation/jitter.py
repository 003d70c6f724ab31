"""Keeps the jobs of many installations from beginning in the same second."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from secrets import SystemRandom

from valetkey.runtime.lifecycle.retry_policy import Sleep

LONGEST = timedelta(hours=1)


async def spread(longest: timedelta, sleep: Sleep = asyncio.sleep) -> None:
    """Wait for a random part of ``longest``."""
    if longest:
        await sleep(SystemRandom().uniform(0.0, longest.total_seconds()))
