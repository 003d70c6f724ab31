"""An installation as an operator works on it: its settings and stores, and in whose name."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from valetkey.administration.audit import audited
from valetkey.administration.errors import RedisNotTold
from valetkey.administration.store_errors import store_errors
from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.runtime.lifecycle.clock import system_clock
from valetkey.runtime.lifecycle.retry_policy import RetryPolicy
from valetkey.storage.postgres.database.opening import open_database
from valetkey.storage.postgres.schema.version import require_schema

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from valetkey.core.oauth.revocation import Revocation
    from valetkey.core.ports.clock import Clock
    from valetkey.runtime.settings.settings import Service, Settings
    from valetkey.storage.postgres.database.pool import Database
    from valetkey.storage.revocation import RevocationStore

Publish = Callable[[Sequence["Revocation"]], Awaitable[None]]

_ONCE = RetryPolicy()
_ATTEMPTS = 5
_PAUSE = 1.0  # seconds
_CONNECTIONS = 4


@dataclass(frozen=True, slots=True)
class Installation:
    """What operators' requests work with. ``actor`` is the operator that audit events name."""

    settings: Settings
    database: Database
    clock: Clock
    actor: str

    @contextmanager
    def audited(self, event: str, **about: str) -> Iterator[None]:
        """Write an audit event about the block, whether it succeeds or fails. See ``audit.audited``."""
        with audited(event, self.actor, **about):
            yield

    @asynccontextmanager
    async def redis(self) -> AsyncIterator[Redis]:
        """Redis, or its Sentinels' or Cluster's masters."""
        from valetkey.storage.redis.client.connection import connect

        timeout = timedelta(seconds=self.settings.redis_timeout)
        redis = connect(self.settings.redis_url.reveal(), timeout=timeout, max_connections=_CONNECTIONS)
        try:
            yield redis
        finally:
            await redis.aclose()

    @asynccontextmanager
    async def revoking(self) -> AsyncIterator[Publish]:
        """A way to tell Redis what has ended in PostgreSQL. Redis is asked first, before anything ends."""
        from valetkey.storage.redis.client.errors import redis_operation
        from valetkey.storage.stores import create_revocation_store

        async with self.redis() as redis:
            with redis_operation("ping"):
                await redis.ping()
            revocations = create_revocation_store(self.settings, self.database, redis, self.clock)
            try:
                yield functools.partial(_publish, revocations)
            finally:
                await revocations.aclose()


@asynccontextmanager
async def open_installation(
    settings: Settings,
    actor: str,
    *,
    service: Service = "cli",
    clock: Clock = system_clock,
    retries: RetryPolicy = _ONCE,
) -> AsyncIterator[Installation]:
    """The installation, with a schema that this code can work with. Raises ``SchemaMismatchError``."""
    async with open_database(replace(settings, postgres_pool_min=0), service) as database:
        await retries.wait_for(lambda: require_schema(database))
        with store_errors():
            yield Installation(settings, database, clock, actor)


async def _publish(revocations: RevocationStore, ended: Sequence[Revocation]) -> None:
    """Tell Redis, several times if need be: PostgreSQL knows already, so giving up would leave them at odds."""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            await revocations.publish(ended)
        except TemporarilyUnavailable:
            if attempt == _ATTEMPTS:
                raise RedisNotTold(
                    "PostgreSQL remembers what has ended and Redis could not be told: access tokens may still be "
                    "accepted until they expire. Run `valetkey revocation reload` as soon as Redis answers."
                ) from None
            await asyncio.sleep(_PAUSE)
        else:
            return
