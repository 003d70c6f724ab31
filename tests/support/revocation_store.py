"""`RevocationStore` over real Redis, with times short enough for tests."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from redis.asyncio import Redis

from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.core.oauth.revocation import Revocation, RevocationTarget, subject_target
from valetkey.runtime.lifecycle.clock import system_clock
from valetkey.storage.redis.client.connection import connect
from valetkey.storage.redis.kept.revocations import RedisRevocations
from valetkey.storage.revocation import RecordedRevocations, RevocationStore

TIMEOUT = timedelta(seconds=0.5)
PAUSE = timedelta(seconds=0.02)
NOW = datetime.now(UTC).replace(microsecond=0)


class Replica:
    """One replica of a service: its own connections to the stores that all replicas share."""

    def __init__(self, recorded: RecordedRevocations, url: str, pause: timedelta = PAUSE) -> None:
        self.redis: Redis = connect(url, timeout=TIMEOUT)
        self.half = RedisRevocations(self.redis, url, clock=system_clock, timeout=TIMEOUT, pause=pause)
        self.store = RevocationStore(recorded, self.half, clock=system_clock, pause=pause)

    async def is_revoked(self, target: RevocationTarget) -> bool:
        return bool(list(await self.store.find([target])))

    async def is_loaded(self) -> bool:
        try:
            return await self.half.find([]) is not None
        except TemporarilyUnavailable:
            return False

    async def load(self) -> None:
        """Ask until Redis answers instead of PostgreSQL."""
        async with asyncio.timeout(20):
            while not await self.is_loaded():
                await self.store.find([])
                await asyncio.sleep(0.005)

    async def aclose(self) -> None:
        await self.store.aclose()
        await self.redis.aclose()


@asynccontextmanager
async def open_replicas(
    recorded: RecordedRevocations, url: str, number: int = 1, *, pause: timedelta = PAUSE
) -> AsyncIterator[list[Replica]]:
    replicas = [Replica(recorded, url, pause) for _ in range(number)]
    try:
        yield replicas
    finally:
        for replica in replicas:
            await replica.aclose()


def new_target() -> RevocationTarget:
    return subject_target(str(uuid4()))


def revocation(
    target: RevocationTarget, revoked_at: datetime = NOW, life: timedelta = timedelta(hours=1)
) -> Revocation:
    return Revocation(target, revoked_at, revoked_at + life)
