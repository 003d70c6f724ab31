"""The stores that every server opens in the same way: connections, revocations, and what is kept in memory."""

from __future__ import annotations

import secrets
import socket
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from valetkey.storage.postgres.caches.catalog_cache import CatalogCache
from valetkey.storage.postgres.caches.client_cache import ClientCache
from valetkey.storage.postgres.caches.jwk_set_cache import JwkSetCache
from valetkey.storage.postgres.database.opening import open_database
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.database.server_clock import ClockSkew
from valetkey.storage.postgres.schema.guard import SchemaGuard
from valetkey.storage.postgres.tables.revocations import RevocationRecords
from valetkey.storage.redis.client.connection import connect
from valetkey.storage.redis.kept.revocations import RedisRevocations
from valetkey.storage.redis.limits.memory_reserve import MemoryReserve
from valetkey.storage.revocation import RevocationStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from redis.asyncio import Redis

    from valetkey.core.ports.clock import Clock
    from valetkey.runtime.lifecycle.readiness import ReadinessChecks
    from valetkey.runtime.settings.settings import Service, Settings


SCHEMA_INTERVAL = timedelta(seconds=3)


@dataclass(frozen=True, slots=True)
class Stores:
    """Open connections and what is made of them. Which of it a service may use, its database role says again."""

    database: Database
    redis: Redis
    reserve: MemoryReserve
    revocations: RevocationStore
    clients: ClientCache
    catalog: CatalogCache
    jwk_set: JwkSetCache


@asynccontextmanager
async def open_stores(
    settings: Settings, service: Service, clock: Clock, waiting: ReadinessChecks
) -> AsyncIterator[Stores]:
    """The stores of one service, closed at the end. None of them has to be there yet.

    The service waits while PostgreSQL is there and its schema is older than this code.
    """
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(open_database(settings, service))
        poll_interval = timedelta(seconds=settings.key_poll_interval)
        schema = SchemaGuard(database, SCHEMA_INTERVAL)
        stack.push_async_callback(schema.close)
        await schema.start()
        waiting.add(schema.reason)
        skew = ClockSkew(database, clock)
        stack.push_async_callback(skew.close)
        await skew.start()
        redis = connect(settings.redis_url.reveal(), timeout=timedelta(seconds=settings.redis_timeout))
        stack.push_async_callback(redis.aclose)
        reserve = MemoryReserve(redis, settings.redis_reserve)
        stack.push_async_callback(reserve.close)
        await reserve.start()
        revocations = create_revocation_store(settings, database, redis, clock)
        stack.push_async_callback(revocations.aclose)
        lifetime = timedelta(seconds=settings.client_cache_lifetime)
        stale_lifetime = timedelta(seconds=settings.client_stale_lifetime)
        jwk_set = JwkSetCache(
            database,
            replica_id=f"{service}:{socket.gethostname()}:{secrets.token_hex(4)}",
            service=service,
            poll_interval=poll_interval,
            clock=clock,
        )
        stack.push_async_callback(jwk_set.close)
        await jwk_set.start()
        yield Stores(
            database=database,
            redis=redis,
            reserve=reserve,
            revocations=revocations,
            clients=ClientCache(
                database,
                size=settings.client_cache_size,
                lifetime=lifetime,
                stale_lifetime=stale_lifetime,
                clock=clock,
            ),
            catalog=CatalogCache(
                database, settings.issuer, lifetime=lifetime, stale_lifetime=stale_lifetime, clock=clock
            ),
            jwk_set=jwk_set,
        )


def create_revocation_store(settings: Settings, database: Database, redis: Redis, clock: Clock) -> RevocationStore:
    """Revocations in both stores."""
    timeout = timedelta(seconds=settings.redis_timeout)
    return RevocationStore(
        RevocationRecords(database),
        RedisRevocations(redis, settings.redis_url.reveal(), clock=clock, timeout=timeout),
        clock=clock,
    )
