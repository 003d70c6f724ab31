"""Networks between one replica, or all of them, and a store."""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

from faults.fault import Fault
from faults.site import SERVICES, STORES
from support.tcp_proxy import TcpProxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from faults.fault import Inflict
    from faults.site import Site

_SLOW = 0.2
_LATE = {"postgres": 4.0, "redis": 1.0}
_SHARE = 0.3
# Services wait two seconds for PostgreSQL, and less for Redis.
_LONGER_THAN_PATIENCE = 2.5


def slowed(link: TcpProxy, seconds: float) -> None:
    """Every answer is late by at most so many seconds."""
    link.delay = seconds


_reset_answers = partial(TcpProxy.tear, share=_SHARE, reset=True)
_truncate_answers = partial(TcpProxy.tear, share=_SHARE, reset=False)


def through(harm: Callable[[TcpProxy], None], *, store: str, service: str = "", number: int | None = None) -> Inflict:
    """Harm the networks between these replicas and this store, and heal them in the end."""

    @asynccontextmanager
    async def inflict(site: Site) -> AsyncIterator[None]:
        links = site.links_of(store=store, service=service, number=number)
        for link in links:
            harm(link)
        try:
            yield
        finally:
            for link in links:
                link.heal()

    return inflict


FAULTS = (
    *(Fault(f"{store}: slow", through(partial(slowed, seconds=_SLOW), store=store), seconds=2.0) for store in STORES),
    *(
        Fault(
            f"{store}: half of the answers come too late",
            through(partial(slowed, seconds=_LATE[store]), store=store),
            seconds=_LONGER_THAN_PATIENCE,
        )
        for store in STORES
    ),
    *(Fault(f"{store}: connections reset in mid-reply", through(_reset_answers, store=store)) for store in STORES),
    *(Fault(f"{store}: replies truncated", through(_truncate_answers, store=store)) for store in STORES),
    *(
        Fault(f"one {service} cut off from {store}", through(TcpProxy.cut, store=store, service=service, number=0))
        for service in SERVICES
        for store in STORES
    ),
    *(
        Fault(
            f"one token hears nothing from {store}",
            through(TcpProxy.silence, store=store, service="token", number=0),
            seconds=_LONGER_THAN_PATIENCE,
        )
        for store in STORES
    ),
    *(
        Fault(
            f"one token is not heard by {store}",
            through(TcpProxy.deafen, store=store, service="token", number=0),
            seconds=_LONGER_THAN_PATIENCE,
        )
        for store in STORES
    ),
)
