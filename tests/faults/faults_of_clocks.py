"""Clocks of replicas that jump. The stores keep their own time."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from faults.fault import Fault
from faults.tolerance import Tolerance

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from faults.fault import Inflict
    from faults.site import Site

_JUMP = 15.0


def jumped(seconds: float, numbers: slice) -> Inflict:
    """The clocks of these replicas of every service are ahead by so many seconds, and then right again."""

    @asynccontextmanager
    async def inflict(site: Site) -> AsyncIterator[None]:
        replicas = [replica for each in site.replicas.values() for replica in each[numbers]]
        for replica in replicas:
            replica.set_clock(seconds)
        try:
            yield
        finally:
            for replica in replicas:
                replica.set_clock(0.0)

    return inflict


_TOLERANCE = Tolerance(clock_error=2 * _JUMP)
FAULTS = (
    Fault("clocks: all jump ahead and back", jumped(_JUMP, slice(None)), _TOLERANCE),
    Fault("clocks: all jump back and ahead", jumped(-_JUMP, slice(None)), _TOLERANCE),
    Fault("clocks: of one replica each ahead", jumped(_JUMP, slice(1)), _TOLERANCE),
    Fault("clocks: of one replica each behind", jumped(-_JUMP, slice(1)), _TOLERANCE),
)
