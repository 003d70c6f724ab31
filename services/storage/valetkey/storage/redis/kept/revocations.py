"""Revocations, for introspection: read in one command for all callers, and never taken for complete when they are not.

The marker names the server that every live revocation was loaded into. A flush takes the marker away, and a restart, a
restored backup, a failover or a slot that moves leaves one that names another; either way the answer is "not known
here" rather than "not revoked".
"""

import asyncio
import logging
from collections.abc import AsyncIterable, Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from uuid import uuid4

from redis.asyncio import Redis

from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.core.oauth.revocation import Revocation, RevocationTarget
from valetkey.core.ports.clock import Clock
from valetkey.storage.coalescing import Coalescer
from valetkey.storage.redis.client.errors import redis_operation
from valetkey.storage.redis.client.pinned_connection import PinnedConnection
from valetkey.storage.redis.kept.keyspace import revocation_key
from valetkey.storage.redis.kept.revocation_writer import MARKER, RevocationWriter, message_of
from valetkey.storage.redis.messages import revocation_message

_logger = logging.getLogger(__name__)


class RedisRevocations:
    """What Redis holds of the revocations.

    ``redis`` is for writing; reading has one connection of its own. After a failure Redis is not asked during the
    ``pause``, so that a Redis that hangs delays one question and not every one.
    """

    def __init__(
        self,
        redis: Redis,
        url: str,
        *,
        clock: Clock,
        timeout: timedelta = timedelta(seconds=1),
        pause: timedelta = timedelta(seconds=1),
    ) -> None:
        self._writer = RevocationWriter(redis, clock)
        self._server = PinnedConnection(url, key=MARKER, timeout=timeout)
        self._reads = Coalescer(self._read)
        self._pause = pause.total_seconds()
        self._away_until = 0.0

    async def write(self, revocations: Sequence[Revocation]) -> None:
        """Make these known to every reader of this Redis."""
        await self._writer.write(revocations)

    async def distrust(self) -> None:
        """Make every reader ask PostgreSQL until all is loaded again."""
        await self._writer.distrust()

    async def find(self, targets: Sequence[RevocationTarget]) -> Sequence[Revocation] | None:
        """The revocations of these targets, or None if Redis does not hold all revocations."""
        if asyncio.get_running_loop().time() < self._away_until:
            raise TemporarilyUnavailable("redis was away a moment ago")
        found = await self._reads.ask(targets)
        if not found:
            return None if found is None else ()
        return [found[target] for target in targets if target in found]

    async def load(self, live: Callable[[], AsyncIterable[Sequence[Revocation]]]) -> bool:
        """Copy every live revocation here, and say so; False if that did not come to an end here.

        ``live`` must read what was committed before it was called. A revocation that comes later is written here by
        the process that revokes; one that was written here before a flush was committed before it.
        """
        # Over a connection that lives on, a server that was promoted since still has its old name.
        self._server.reconnect()
        await self._reads.ask(())
        identity, loader = self._server.identity, f"loading:{uuid4()}"
        if identity is None or not await self._writer.begin(identity, loader):
            return False
        try:
            async for revocations in live():
                if not await self._writer.write(revocations, loader):
                    return False
            # A server that has taken the place of the first one does not answer to its name.
            return await self._writer.finish(identity, loader)
        finally:
            with suppress(TemporarilyUnavailable):
                await self._writer.give_up(loader)

    async def aclose(self) -> None:
        """Close the connection for reading."""
        await self._reads.aclose()
        await self._server.aclose()

    async def _read(self, targets: Sequence[RevocationTarget]) -> dict[RevocationTarget, Revocation] | None:
        try:
            with redis_operation("revocations.read"):
                marker, *values = await self._server.read([MARKER, *map(revocation_key, targets)])
        except TemporarilyUnavailable as error:
            _logger.warning("revocations cannot be read from redis: %s", error)
            self._away_until = asyncio.get_running_loop().time() + self._pause
            raise
        identity = self._server.identity
        if marker is None or identity is None or marker != identity.encode():
            return None
        return {
            target: revocation_message.from_bytes(target, message_of(value))
            for target, value in zip(targets, values, strict=True)
            if value is not None
        }
