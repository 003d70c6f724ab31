"""Revoking and introspecting on several replicas, over real PostgreSQL, while Redis is emptied and filled again."""

import asyncio
import random
from collections.abc import AsyncIterator

import pytest

from support.revocation_store import Replica, new_target, open_replicas, revocation
from valetkey.core.oauth.revocation import RevocationTarget
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.tables.revocations import RevocationRecords

REPLICAS = 3
ROUNDS = 300


@pytest.fixture
async def replicas(postgres_dsn: str, redis_url: str) -> AsyncIterator[list[Replica]]:
    async with Database(postgres_dsn) as database:
        records = RevocationRecords(database)
        await records.record([revocation(new_target()) for _ in range(1000)])
        async with open_replicas(records, redis_url, REPLICAS) as replicas:
            yield replicas


@pytest.mark.requirement("security 22: after revocation has answered, no replica says active")
async def test_nothing_that_was_revoked_is_live_while_redis_is_flushed_and_loaded(replicas: list[Replica]) -> None:
    live: list[RevocationTarget] = []
    redis_was_loaded = 0

    async def revoke_and_ask(replica: Replica) -> None:
        nonlocal live, redis_was_loaded
        for _ in range(ROUNDS):
            target = new_target()
            await replica.store.revoke([revocation(target)])
            redis_was_loaded += await replica.is_loaded()
            live += [target for other in replicas if not await other.is_revoked(target)]

    flushing = asyncio.create_task(flush_now_and_then(replicas[0]))
    await asyncio.gather(*(revoke_and_ask(replica) for replica in replicas))
    flushing.cancel()

    assert live == []
    assert 10 < redis_was_loaded < REPLICAS * ROUNDS - 10


async def flush_now_and_then(replica: Replica) -> None:
    chance = random.Random(22)
    while True:
        await replica.redis.flushall()
        if chance.random() < 0.5:
            # On a slow machine too, there are moments in which it is loaded.
            await replica.load()
        await asyncio.sleep(chance.uniform(0.01, 0.06))
