"""How many requests are in progress in this process, and how many may be."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from aiohttp import web

from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.runtime.telemetry.metrics import HTTP_SHED

if TYPE_CHECKING:
    from collections.abc import Iterator

RETRY_AFTER = 1  # seconds


class InFlight:
    """Requests that have begun and not been answered, those apart whose clients are still sending.

    A request whose body is still arriving costs no work yet: slow bodies take no place of a complete request, and have
    as many places of their own.
    """

    __slots__ = ("arriving", "count", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.count = 0
        self.arriving = 0

    def refuse(self) -> TemporarilyUnavailable:
        """What to raise in place of one more request."""
        HTTP_SHED.add("requests")
        return TemporarilyUnavailable("too many requests are in progress", RETRY_AFTER)

    @contextmanager
    def waiting_for_client(self) -> Iterator[None]:
        """Give the place up while the body arrives. Raises ``TemporarilyUnavailable`` where there is none."""
        if self.arriving >= self.limit:
            raise self.refuse()
        self.count -= 1
        self.arriving += 1
        try:
            yield
        finally:
            self.arriving -= 1
            self.count += 1
        if self.count > self.limit:
            raise self.refuse()


IN_FLIGHT = web.AppKey("in_flight", InFlight)
