"""Networks between one replica, or all of them, and a store."""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

from faults.fault import Fault
from faults.faults_of_redis import LOSSY
from faults.site import SERVICES
from faults.tolerance import Tolerance
from support.tcp_proxy import TcpProxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from faults.fault import Inflict
    from faults.site import Site

_SLOW = 0.2
_NAMED = (("postgres", "postgresql"), ("redis", "redis"))
_TOLERANCE = {"postgres": Tolerance(), "redis": LOSSY}
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


def _of_every_link(store: str, name: str) -> tuple[Fault, ...]:
    late, lost = partial(slowed, seconds=_LATE[store]), _TOLERANCE[store]
    return (
        Fault(f"{name}: slow", through(partial(slowed, seconds=_SLOW), store=store), seconds=2.0),
        Fault(
            f"{name}: half of the answers come too late",
            through(late, store=store),
            lost,
            seconds=_LONGER_THAN_PATIENCE,
        ),
        Fault(f"{name}: connections reset in mid-reply", through(_reset_answers, store=store), lost),
        Fault(f"{name}: replies truncated", through(_truncate_answers, store=store), lost),
    )


def _of_one_link(service: str, store: str, name: str) -> Fault:
    return Fault(
        f"one {service} cut off from {name}",
        through(TcpProxy.cut, store=store, service=service, number=0),
        _TOLERANCE[store],
    )


def _of_one_direction(store: str, name: str) -> tuple[Fault, ...]:
    silent = through(TcpProxy.silence, store=store, service="token", number=0)
    deaf = through(TcpProxy.deafen, store=store, service="token", number=0)
    lost = _TOLERANCE[store]
    return (
        Fault(f"one token hears nothing from {name}", silent, lost, seconds=_LONGER_THAN_PATIENCE),
        Fault(f"one token is not heard by {name}", deaf, lost, seconds=_LONGER_THAN_PATIENCE),
    )


FAULTS = (
    *(fault for store, name in _NAMED for fault in _of_every_link(store, name)),
    *(_of_one_link(service, store, name) for service in SERVICES for store, name in _NAMED),
    *(fault for store, name in _NAMED for fault in _of_one_direction(store, name)),
)
