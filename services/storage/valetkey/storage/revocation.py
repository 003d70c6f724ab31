"""Revocations in both stores: PostgreSQL remembers, Redis answers. RFC 7009, RFC 7662 §2.2.

A revocation is in PostgreSQL before it is in Redis, and in both before a caller is told that it is done. A reader
believes Redis only while it is known to hold everything, and asks PostgreSQL otherwise.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Protocol

from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.core.oauth.revocation import Revocation, RevocationTarget
from valetkey.core.ports.clock import Clock
from valetkey.runtime.telemetry.metrics import REVOCATIONS
from valetkey.runtime.telemetry.tracing import detached_task
from valetkey.storage.coalescing import Coalescer
from valetkey.storage.redis.kept.revocations import RedisRevocations

_logger = logging.getLogger(__name__)
_BATCH = 500


class RecordedRevocations(Protocol):
    """The half that remembers."""

    async def record(self, revocations: Sequence[Revocation]) -> None:
        """Commit them, and end the authorizations they name; ``TemporarilyUnavailable`` if that is not certain."""

    async def find(self, targets: Sequence[RevocationTarget]) -> Iterable[Revocation]:
        """The revocations of these targets, none of them older than the call."""

    def live(self, now: datetime, batch_size: int) -> AsyncIterator[Sequence[Revocation]]:
        """Every revocation of a token that may still be valid, in batches: all that was committed before the first."""


class RevocationStore:
    """``Revoker`` and ``RevocationReader`` over both stores. After a failure nothing is loaded during the ``pause``."""

    def __init__(
        self,
        recorded: RecordedRevocations,
        redis: RedisRevocations,
        *,
        clock: Clock,
        pause: timedelta = timedelta(seconds=1),
    ) -> None:
        self._recorded = recorded
        self._redis = redis
        self._clock = clock
        self._pause = pause.total_seconds()
        self._reads = Coalescer(self._read_recorded)
        self._loading: asyncio.Task[None] | None = None
        self._load_again_at = 0.0
        self._distrusting: asyncio.Task[None] | None = None
        self._is_closing = False

    async def revoke(self, revocations: Sequence[Revocation]) -> None:
        """Record, publish, return. After this returns no replica says ``active`` and nothing refreshes.

        ``TemporarilyUnavailable`` leaves open which stores have it: to be certain, the caller tries again, on any
        replica, even where PostgreSQL shows it as revoked already.
        """
        await self._recorded.record(revocations)
        for revocation in revocations:
            REVOCATIONS.add(revocation.target.kind)
        await self.publish(revocations)

    async def publish(self, revocations: Sequence[Revocation]) -> None:
        """Tell every reader of revocations that PostgreSQL has already, as after the end of a session."""
        if not revocations:
            return
        try:
            await self._redis.write(revocations)
        except TemporarilyUnavailable:
            await self._distrust()
            raise

    async def find(self, targets: Sequence[RevocationTarget]) -> Iterable[Revocation]:
        """The revocations of these targets; ``TemporarilyUnavailable`` if neither store can tell."""
        try:
            found = await self._redis.find(targets)
        except TemporarilyUnavailable:
            return await self._find_recorded(targets)
        if found is None:
            self._load()
            return await self._find_recorded(targets)
        return found

    async def aclose(self) -> None:
        """Stop reading and loading."""
        # Before Python 3.12 a driver that waits with a timeout may lose a cancellation.
        self._is_closing = True
        await self._reads.aclose()
        background = [task for task in (self._loading, self._distrusting) if task is not None]
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)
        await self._redis.aclose()

    async def _find_recorded(self, targets: Sequence[RevocationTarget]) -> Iterable[Revocation]:
        found = await self._reads.ask(targets)
        return [found[target] for target in targets if target in found]

    async def _read_recorded(self, targets: Sequence[RevocationTarget]) -> dict[RevocationTarget, Revocation]:
        return {revocation.target: revocation for revocation in await self._recorded.find(targets)}

    async def _distrust(self) -> None:
        """Make readers ask PostgreSQL. A Redis that is full refuses a write and allows this."""
        try:
            await self._redis.distrust()
        except TemporarilyUnavailable:
            # Only this process may be cut off, and its caller may not retry: so it retries itself.
            if not _is_running(self._distrusting):
                self._distrusting = detached_task(self._keep_distrusting(), "revocations-distrust")

    async def _keep_distrusting(self) -> None:
        while not self._is_closing:
            await asyncio.sleep(self._pause)
            with suppress(TemporarilyUnavailable):
                await self._redis.distrust()
                return

    def _load(self) -> None:
        if not _is_running(self._loading) and asyncio.get_running_loop().time() >= self._load_again_at:
            self._loading = detached_task(self._load_redis(), "revocations-load")

    async def _load_redis(self) -> None:
        try:
            if await self._redis.load(lambda: self._recorded.live(self._clock(), _BATCH)):
                _logger.info("redis holds all revocations again")
        except TemporarilyUnavailable as error:
            _logger.warning("redis could not be loaded with revocations: %s", error)
        finally:
            self._load_again_at = asyncio.get_running_loop().time() + self._pause


def _is_running(task: asyncio.Task[None] | None) -> bool:
    return task is not None and not task.done()
