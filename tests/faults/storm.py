"""Several faults at once, one of each family, drawn by a seed."""

from __future__ import annotations

import random
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from faults import faults_of_clocks, faults_of_networks, faults_of_postgres, faults_of_redis, faults_of_services
from faults.fault import Fault
from faults.tolerance import Tolerance

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from faults.fault import Inflict
    from faults.site import Site

# What is broken last is mended first: a service that starts again is ready once it has met its stores.
_FAMILIES = (
    faults_of_services.FAULTS,
    faults_of_clocks.FAULTS,
    [fault for fault in faults_of_redis.FAULTS if "postgresql" not in fault.name],
    faults_of_postgres.FAULTS,
    faults_of_networks.FAULTS,
)
_AT_ONCE = 3


def draw_storm(seed: int) -> Fault:
    """Three faults of different families, whose tolerances add up."""
    chance = random.Random(seed)
    chosen = sorted(chance.sample(range(len(_FAMILIES)), _AT_ONCE))
    faults = [chance.choice(_FAMILIES[number]) for number in chosen]
    tolerances = [fault.tolerance for fault in faults]
    tolerance = Tolerance(
        services_may_vanish=any(each.services_may_vanish for each in tolerances),
        redis_may_forget=any(each.redis_may_forget for each in tolerances),
        redis_may_lose_answers=any(each.redis_may_lose_answers for each in tolerances),
    )
    return Fault(
        f"storm {seed}: {' + '.join(fault.name for fault in faults)}",
        _all_at_once(faults),
        tolerance,
        seconds=max(fault.seconds for fault in faults),
        why_not=lambda site: "; ".join(filter(None, (fault.why_not(site) for fault in faults))),
    )


def _all_at_once(faults: Sequence[Fault]) -> Inflict:
    @asynccontextmanager
    async def inflict(site: Site) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for fault in faults:
                await stack.enter_async_context(fault.inflict(site))
            yield

    return inflict
