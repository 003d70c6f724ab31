"""Clocks of replicas and operators that are minutes off, and that jump. The stores keep their own time."""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from faults.fault import Fault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from faults.fault import Inflict
    from faults.site import Site

# Seconds. Two clocks are twice as far apart at most, which is within the tolerance.
_SKEW = 120.0
_PAUSE = 0.2

OPERATOR = "operator"


def clocks(**ahead: float) -> Inflict:
    """The clocks of these are ahead by so many seconds, and then right again: ``token``, ``token_0``, ``operator``."""

    @asynccontextmanager
    async def inflict(site: Site) -> AsyncIterator[None]:
        _set(site, ahead)
        try:
            yield
        finally:
            _set(site, {})

    return inflict


@asynccontextmanager
async def jumping(site: Site) -> AsyncIterator[None]:
    """Every clock jumps to somewhere else within the skew, again and again."""
    chance = random.Random(len(site.all_replicas))
    names = [OPERATOR, *(f"{replica.service}_{replica.number}" for replica in site.all_replicas)]

    async def jump() -> None:
        while True:
            _set(site, {name: chance.uniform(-_SKEW, _SKEW) for name in names})
            await asyncio.sleep(_PAUSE)

    jumper = asyncio.create_task(jump())
    try:
        yield
    finally:
        jumper.cancel()
        await asyncio.gather(jumper, return_exceptions=True)
        _set(site, {})


def _set(site: Site, ahead: Mapping[str, float]) -> None:
    site.operator_ahead = ahead.get(OPERATOR, 0.0)
    for replica in site.all_replicas:
        replica.set_clock(ahead.get(f"{replica.service}_{replica.number}", ahead.get(replica.service, 0.0)))


def _negative(ahead: Mapping[str, float]) -> dict[str, float]:
    return {name: -seconds for name, seconds in ahead.items()}


_ALL = dict.fromkeys(("authorize", "token", "introspection"), _SKEW)
_FIRST = {f"{service}_0": _SKEW for service in _ALL}
FAULTS = (
    Fault("clocks: all ahead, the operator behind", clocks(**_ALL, operator=-_SKEW)),
    Fault("clocks: all behind, the operator ahead", clocks(**_negative(_ALL), operator=_SKEW)),
    Fault("clocks: of one replica each ahead", clocks(**_FIRST)),
    Fault("clocks: of one replica each behind", clocks(**_negative(_FIRST))),
    Fault("clocks: token ahead, introspection behind", clocks(token=_SKEW, introspection=-_SKEW)),
    Fault("clocks: all jump again and again", jumping, seconds=3.0),
)
