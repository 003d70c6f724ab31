"""How often a client may ask, counted by every replica for itself and settled through a real Redis."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from redis.asyncio import Redis

from support.eventually import eventually
from support.redis_topologies import URL_FIXTURES
from support.seed import make_client
from valetkey.core.client.client import AuthenticationMethod
from valetkey.core.oauth.errors import TooManyRequests
from valetkey.demo.stores.embedded_redis import EmbeddedRedis
from valetkey.runtime.http.limits.client_rate import MAX_CLIENTS, ClientRate
from valetkey.storage.redis.client.connection import connect
from valetkey.storage.redis.limits.client_rates import BATCH, ClientRates

LIMIT = 100
SHARE = LIMIT // 20
REPLICAS = 3
CLIENT = make_client("busy")


class Clock:
    """Stands still, ten seconds into a minute, until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, 12, 0, 10, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@asynccontextmanager
async def replicas(redis: Redis, clock: Clock, number: int = REPLICAS) -> AsyncIterator[list[ClientRate]]:
    async with AsyncExitStack() as stack:
        made = [ClientRate(ClientRates(redis, "token"), clock, LIMIT) for _ in range(number)]
        for each in made:
            stack.push_async_callback(each.close)
            await each.start()
        yield made


def asks(rate: ClientRate, times: int, name: str = "busy") -> int:
    """How many of so many requests at once were let through."""
    through = 0
    for _ in range(times):
        try:
            rate.take(replace(CLIENT, client_id=name))
        except TooManyRequests:
            continue
        through += 1
    return through


async def knows(rate: ClientRate, total: int) -> None:
    """Wait until this replica has heard of so many requests."""

    async def has_heard() -> bool:
        account = rate._accounts.get("busy")  # noqa: SLF001 - to wait for nothing else
        return account is not None and account.allowed + account.unsettled <= LIMIT - total

    rate.take(CLIENT)
    await eventually(has_heard)


@pytest.mark.parametrize("topology", list(URL_FIXTURES))
async def test_replicas_together_let_through_little_more_than_the_limit(
    request: pytest.FixtureRequest, clock: Clock, topology: str
) -> None:
    async with connect(request.getfixturevalue(URL_FIXTURES[topology])) as redis, replicas(redis, clock) as fleet:
        through = 0
        for _ in range(LIMIT):
            through += sum(asks(each, 1) for each in fleet)
            # A replica that has used up a share of the limit asks Redis for the total.
            await asyncio.sleep(0.01)

    assert LIMIT <= through <= LIMIT + REPLICAS * 2 * SHARE


async def test_what_one_replica_let_through_the_others_do_not(redis_url: str, clock: Clock) -> None:
    async with connect(redis_url) as redis, replicas(redis, clock, 2) as (one, other):
        assert asks(one, 2 * LIMIT) == LIMIT
        await knows(other, LIMIT)

        assert asks(other, 2 * LIMIT) == 0


@pytest.mark.requirement("security 40: surviving a pod restart")
async def test_a_replica_that_starts_later_holds_the_client_to_what_was_counted(redis_url: str, clock: Clock) -> None:
    async with connect(redis_url) as redis:
        async with replicas(redis, clock, 1) as (before,):
            asks(before, LIMIT)
        async with replicas(redis, clock, 1) as (after,):
            await knows(after, LIMIT)

            assert asks(after, LIMIT) == 0


async def test_the_refusal_says_when_the_minute_is_over(redis_url: str, clock: Clock) -> None:
    async with connect(redis_url) as redis, replicas(redis, clock, 1) as (rate,):
        asks(rate, LIMIT)

        with pytest.raises(TooManyRequests) as refused:
            rate.take(CLIENT)

    assert refused.value.retry_after == 50


async def test_with_the_next_minute_everything_is_open_again(redis_url: str, clock: Clock) -> None:
    async with connect(redis_url) as redis, replicas(redis, clock, 1) as (rate,):
        asks(rate, 2 * LIMIT)
        clock.now += timedelta(seconds=50)

        assert asks(rate, 2 * LIMIT) == LIMIT


async def test_clients_do_not_spend_each_others_requests(redis_url: str, clock: Clock) -> None:
    async with connect(redis_url) as redis, replicas(redis, clock, 1) as (rate,):
        asks(rate, 2 * LIMIT)

        assert asks(rate, LIMIT, "calm") == LIMIT


async def test_naming_a_public_client_does_not_spend_its_requests(redis_url: str, clock: Clock) -> None:
    public = replace(CLIENT, secrets=(), token_endpoint_auth_method=AuthenticationMethod.NONE)
    async with connect(redis_url) as redis, replicas(redis, clock, 1) as (rate,):
        for _ in range(2 * LIMIT):
            rate.take(public)

        assert len(rate) == 0


async def test_without_a_limit_nothing_is_kept_and_redis_hears_nothing(redis_url: str, clock: Clock) -> None:
    async with connect(redis_url) as redis:
        rate = ClientRate(ClientRates(redis, "token"), clock, 0)
        await rate.start()

        through = asks(rate, 1000)
        await rate.close()

        assert (through, len(rate), await redis.dbsize()) == (1000, 0, 0)


@pytest.mark.requirement("security 52: caches are bounded")
async def test_what_is_kept_of_clients_is_bounded(redis_url: str, clock: Clock) -> None:
    async with connect(redis_url) as redis:
        rate = ClientRate(ClientRates(redis, "token"), clock, LIMIT)

        for number in range(MAX_CLIENTS + 100):
            asks(rate, 1, f"client-{number}")

        assert len(rate) == MAX_CLIENTS


async def test_many_clients_are_settled_in_a_few_commands(redis_url: str, clock: Clock) -> None:
    async with connect(redis_url) as redis:
        rates = ClientRates(redis, "token")
        counted = {f"client-{number}": number + 1 for number in range(2 * BATCH + 1)}
        await rates.add(1, 60, {"client-0": 1})
        before = await redis.info("commandstats")

        totals = await rates.add(1, 60, counted)

        after = await redis.info("commandstats")
        assert totals == counted | {"client-0": 2}
        assert after["cmdstat_evalsha"]["calls"] - before["cmdstat_evalsha"]["calls"] == 3
        assert all([0 < await redis.ttl(key) <= 60 for key in await redis.keys("vk:*")])


@pytest.mark.requirement("security 55: dependencies away: never unlimited, never waiting")
async def test_without_redis_every_replica_holds_to_the_limit_by_itself(
    disposable_redis: EmbeddedRedis, clock: Clock
) -> None:
    async with connect(disposable_redis.url) as redis, replicas(redis, clock, 2) as fleet:
        first = [asks(each, LIMIT // 2) for each in fleet]
        disposable_redis.stop()

        rest = [asks(each, 2 * LIMIT) for each in fleet]
        disposable_redis.start()
        for each in fleet:
            await knows_again(each)
        again = [asks(each, 2 * LIMIT) for each in fleet]

    assert first == [LIMIT // 2] * 2
    # What one has heard of the other before is not forgotten.
    assert all(number <= LIMIT // 2 for number in rest)
    assert again == [0, 0]


async def knows_again(rate: ClientRate) -> None:
    """Wait until what was counted meanwhile has been told to a Redis that came back empty."""

    async def is_settled() -> bool:
        return not rate._accounts["busy"].unsettled  # noqa: SLF001 - to wait for nothing else

    await eventually(is_settled)
