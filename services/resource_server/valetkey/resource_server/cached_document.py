"""A published document, kept. Knows when to ask again; does not know what is in it."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from valetkey.resource_server.cache_policy import CachePolicy
from valetkey.resource_server.clock import Clock
from valetkey.resource_server.error import IssuerUnavailable

_LOG = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Document(Generic[T]):
    """What was fetched, from where, and how to ask whether it changed. RFC 9110 §8.8.3."""

    value: T
    url: str
    etag: str | None
    max_age: timedelta


Fetch = Callable[[Document[T] | None], Awaitable[Document[T]]]
"""Fetches a document, given the one already held; raises IssuerUnavailable."""


@dataclass(frozen=True, slots=True)
class _Held(Generic[T]):
    document: Document[T]
    fetched_at: datetime
    fresh_until: datetime


class CachedDocument(Generic[T]):
    """The newest copy of one document; however many ask, one request is under way. RFC 9111 §4."""

    def __init__(self, fetch: Fetch[T], *, policy: CachePolicy, clock: Clock) -> None:
        self._fetch = fetch
        self._policy = policy
        self._clock = clock
        self._held: _Held[T] | None = None
        self._failed_at: datetime | None = None
        self._refetched_at: datetime | None = None
        self._flight: asyncio.Task[T] | None = None

    async def get(self) -> T:
        """The document: fresh, or stale for a bounded time while it cannot be fetched.

        Raises IssuerUnavailable.
        """
        now = self._clock()
        held = self._held
        # A clock that was set back must not prolong what is held.
        if held is not None and held.fetched_at <= now < held.fresh_until:
            return held.document.value
        if not self._is_recent(self._failed_at, now):
            with contextlib.suppress(IssuerUnavailable):
                return await self._fly()
        held = self._held
        if held is not None and self._clock() < held.fresh_until + self._policy.stale_if_error:
            return held.document.value
        raise IssuerUnavailable("the issuer's document is neither reachable nor held")

    async def refetch(self, seen: T) -> T:
        """A document newer than `seen` if there is one; `seen` if the issuer was asked a moment ago.

        Raises IssuerUnavailable if the issuer could not say.
        """
        held = self._held
        if held is not None and held.document.value is not seen:
            return held.document.value
        now = self._clock()
        if self._flight is None:
            if self._is_recent(self._failed_at, now):
                raise IssuerUnavailable("the issuer did not answer a moment ago")
            if self._is_recent(self._refetched_at, now):
                return seen
            self._refetched_at = now
        return await self._fly()

    async def close(self) -> None:
        """Give up the request under way, if any."""
        if self._flight is not None:
            self._flight.cancel()
            await asyncio.wait([self._flight])

    def _is_recent(self, moment: datetime | None, now: datetime) -> bool:
        return moment is not None and moment <= now < moment + self._policy.refetch_interval

    async def _fly(self) -> T:
        if self._flight is None:
            self._flight = asyncio.create_task(self._fetch_once())
            self._flight.add_done_callback(self._land)
        # One caller hanging up must not take the answer from the others.
        return await asyncio.shield(self._flight)

    def _land(self, flight: asyncio.Task[T]) -> None:
        self._flight = None
        if not flight.cancelled():
            flight.exception()  # Seen, even when every caller has hung up.

    async def _fetch_once(self) -> T:
        held = self._held
        try:
            document = await self._fetch(held.document if held else None)
        except IssuerUnavailable as error:
            self._failed_at = self._clock()
            _LOG.warning("issuer document not fetched: %s", error.reason)
            raise
        now = self._clock()
        self._failed_at = None
        self._held = _Held(document, now, now + document.max_age)
        return document.value
