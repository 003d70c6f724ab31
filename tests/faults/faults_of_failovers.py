"""A Redis with a replica and Sentinels, whose master is replaced."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from faults.fault import Fault
from faults.tolerance import Tolerance
from support.redis_sentinel import frozen

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from faults.site import Site

_FORGETFUL = Tolerance(redis_may_forget=True)


@asynccontextmanager
async def killed_before_it_replicates(site: Site) -> AsyncIterator[None]:
    """What the master acknowledges meanwhile never reaches the replica, which then takes its place."""
    sentinels = site.required_sentinels
    with sentinels.replica_left_behind():
        yield
        await asyncio.to_thread(sentinels.first.kill)
    await asyncio.to_thread(sentinels.until_failed_over)


@asynccontextmanager
async def hung_until_replaced(site: Site) -> AsyncIterator[None]:
    """The old master wakes up and takes itself for the master until it is told."""
    sentinels = site.required_sentinels
    with frozen(sentinels.first):
        await asyncio.to_thread(sentinels.until_failed_over)
    yield


FAULTS = (
    Fault("sentinels: failed over, acknowledged writes lost", killed_before_it_replicates, _FORGETFUL, seconds=1.0),
    Fault("sentinels: failed over, the old master wakes up", hung_until_replaced, _FORGETFUL),
)
