"""Windows of rate limits, in a real Redis: over all replicas, under everything at once, and over by themselves."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from support.eventually import eventually
from support.redis_topologies import URL_FIXTURES
from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.demo.stores.embedded_redis import EmbeddedRedis
from valetkey.storage.redis.client.connection import connect
from valetkey.storage.redis.kept.keyspace import RATE_LIMITS
from valetkey.storage.redis.limits import window_limit
from valetkey.storage.redis.limits.rate_limit_storage import RateLimitStorage
from valetkey.storage.redis.limits.window_limit import Standing, WindowLimit

ADDRESS = "198.51.100.7"
LIMIT = 5


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with connect(redis_url) as client:
        yield client


def replica(redis: Redis, *, amount: int = LIMIT, window: int = 60) -> WindowLimit:
    return WindowLimit(RateLimitStorage(redis, RATE_LIMITS), "test", amount, window)


async def counted(limit: WindowLimit, times: int, key: str = ADDRESS) -> Counter[Standing]:
    return Counter(await asyncio.gather(*(limit.count(key) for _ in range(times))))


@pytest.mark.requirement("security 40: counted atomically, under parallel attempts, over all replicas")
@pytest.mark.parametrize("topology", list(URL_FIXTURES))
async def test_replicas_share_a_window_and_one_of_them_learns_that_it_was_just_spent(
    request: pytest.FixtureRequest, topology: str
) -> None:
    async with connect(request.getfixturevalue(URL_FIXTURES[topology])) as redis:
        replicas = [replica(redis) for _ in range(3)]

        standings = sum(await asyncio.gather(*(counted(each, 10) for each in replicas)), Counter())

    assert standings == {Standing.WITHIN: LIMIT, Standing.JUST_SPENT: 1, Standing.SPENT: 30 - LIMIT - 1}


@pytest.mark.requirement("security 40: surviving a pod restart")
async def test_a_replica_that_starts_later_knows_what_was_counted(redis: Redis, redis_url: str) -> None:
    await counted(replica(redis), LIMIT + 1)

    async with connect(redis_url) as other:
        standings = await counted(replica(other), 3)

    assert standings == {Standing.SPENT: 3}


async def test_keys_and_limits_do_not_share_a_window(redis: Redis) -> None:
    storage = RateLimitStorage(redis, RATE_LIMITS)
    one, other = WindowLimit(storage, "one", LIMIT, 60), WindowLimit(storage, "other", LIMIT, 60)
    await counted(one, LIMIT + 1)

    assert await counted(one, LIMIT, "203.0.113.9") == {Standing.WITHIN: LIMIT}
    assert await counted(other, LIMIT) == {Standing.WITHIN: LIMIT}


async def test_what_is_known_to_be_spent_reaches_redis_once_a_second_at_most(redis: Redis) -> None:
    limit = replica(redis)
    await counted(limit, LIMIT + 1)
    (key,) = await redis.keys("vk:limits*")
    before = int(await redis.get(key) or 0)

    standings = [await limit.count(ADDRESS) for _ in range(200)]

    assert set(standings) == {Standing.SPENT}
    assert int(await redis.get(key) or 0) - before < 20


@pytest.mark.requirement("security 52: caches are bounded whatever a caller sends")
async def test_what_is_remembered_of_callers_stays_bounded(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window_limit, "MAX_REMEMBERED", 10)
    limit = replica(redis, amount=1)

    for number in range(25):
        await counted(limit, 2, f"caller-{number}")
        assert 0 < len(limit._spent) <= 10  # noqa: SLF001 - what must not grow


async def test_a_window_ends_by_itself_however_much_is_counted_meanwhile(redis: Redis) -> None:
    limit = replica(redis, amount=1, window=2)
    await counted(limit, 2)
    assert await limit.count(ADDRESS) is not Standing.WITHIN

    async def is_over() -> bool:
        return await limit.count(ADDRESS) is Standing.WITHIN

    await eventually(is_over)


@pytest.mark.requirement("security 51: no name or address in Redis keys")
async def test_redis_learns_no_key(redis: Redis) -> None:
    await replica(redis).count(ADDRESS)

    keys = [repr(key) for key in await redis.keys("*")]

    assert len(keys) == 1
    assert "vk:limits:test/" in keys[0]
    assert ADDRESS not in keys[0]


@pytest.mark.requirement("security 55: dependencies away: fail closed")
async def test_without_redis_nothing_is_known(disposable_redis: EmbeddedRedis) -> None:
    async with connect(disposable_redis.url) as client:
        limit = replica(client)
        disposable_redis.stop()

        with pytest.raises(TemporarilyUnavailable):
            await limit.count(ADDRESS)
