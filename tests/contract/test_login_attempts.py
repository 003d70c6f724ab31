"""Budgets of password attempts, in a real Redis: they hold under parallel guesses and come back by themselves."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from support.redis_topologies import URL_FIXTURES
from valetkey.authorize.attempts import Budget, LoginAttempts, TooManyAttempts
from valetkey.cli.demo.embedded_redis import EmbeddedRedis
from valetkey.core.errors import TemporarilyUnavailable
from valetkey.core.user import normalize_login_name
from valetkey.runtime.redis.connection import connect
from valetkey.runtime.redis.keyspace import LOGIN_ATTEMPTS
from valetkey.runtime.redis.rate_limit_storage import RateLimitStorage

ADDRESS = "198.51.100.7"
ACCOUNT = f"subject:{uuid4()}"


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with connect(redis_url) as client:
        yield client


@pytest.fixture
def attempts(redis: Redis) -> LoginAttempts:
    return replica(redis)


def replica(redis: Redis, *, per_account: int = 5, per_address: int = 50, window: int = 60) -> LoginAttempts:
    storage = RateLimitStorage(redis, LOGIN_ATTEMPTS)
    return LoginAttempts(storage, per_account=per_account, per_address=per_address, window=window)


async def tries(attempts: LoginAttempts, budgets: tuple[Budget, ...], times: int) -> list[str]:
    """What became of so many attempts at once: `counted`, or the budget that was spent."""

    async def one() -> str:
        try:
            await attempts.spend(budgets)
        except TooManyAttempts as error:
            return error.budget
        return "counted"

    return await asyncio.gather(*(one() for _ in range(times)))


@pytest.mark.requirement("security 40: attempts counted per account, atomically, under parallel guesses")
@pytest.mark.parametrize("topology", list(URL_FIXTURES))
async def test_parallel_guesses_on_several_replicas_share_one_budget(
    request: pytest.FixtureRequest, topology: str
) -> None:
    async with connect(request.getfixturevalue(URL_FIXTURES[topology])) as redis:
        replicas = [replica(redis) for _ in range(3)]

        results = await asyncio.gather(
            *(tries(each, each.of_stranger(ACCOUNT, ADDRESS), 10) for each in replicas),
        )

    assert [result for row in results for result in row].count("counted") == 5


@pytest.mark.requirement("security 40: attempts counted per address")
async def test_guesses_from_one_address_share_one_budget_across_accounts(redis: Redis) -> None:
    attempts = replica(redis, per_address=4)

    results = [(await tries(attempts, attempts.of_stranger(f"subject:{uuid4()}", ADDRESS), 1))[0] for _ in range(6)]

    assert results == ["counted"] * 4 + ["address"] * 2


async def test_an_address_that_has_spent_its_budget_no_longer_spends_the_accounts(redis: Redis) -> None:
    attempts = replica(redis, per_address=2)

    await tries(attempts, attempts.of_stranger(ACCOUNT, ADDRESS), 20)

    assert (await tries(attempts, attempts.of_stranger(ACCOUNT, "203.0.113.9"), 4)).count("counted") == 2
    assert (await tries(attempts, attempts.of_stranger(ACCOUNT, "203.0.113.10"), 4)).count("counted") == 1


@pytest.mark.requirement("security 40: a lockout cannot be used to lock the owner out for good")
async def test_strangers_do_not_spend_the_budget_of_the_owners_browser(attempts: LoginAttempts) -> None:
    await tries(attempts, attempts.of_stranger(ACCOUNT, ADDRESS), 100)

    owner = await tries(attempts, attempts.of_device(ACCOUNT, "owners-browser"), 1)
    thief = await tries(attempts, attempts.of_device(ACCOUNT, "another-browser"), 10)

    assert owner == ["counted"]
    assert thief.count("counted") == 5


@pytest.mark.requirement("security 40: surviving a pod restart")
async def test_a_new_replica_goes_on_counting(redis: Redis, redis_url: str) -> None:
    before = replica(redis)
    await tries(before, before.of_stranger(ACCOUNT, ADDRESS), 5)

    async with connect(redis_url) as other:
        after = replica(other)
        result = await tries(after, after.of_stranger(ACCOUNT, ADDRESS), 1)

    assert result == ["account"]


async def test_a_budget_comes_back_after_its_window_even_under_constant_guessing(redis: Redis) -> None:
    attempts = replica(redis, per_account=1, window=2)
    budgets = attempts.of_stranger(ACCOUNT, ADDRESS)
    assert sorted(await tries(attempts, budgets, 2)) == ["account", "counted"]

    results = []
    for _ in range(40):
        await asyncio.sleep(0.1)
        results += await tries(attempts, budgets, 1)

    assert "counted" in results


async def test_a_success_gives_back_its_own_attempt_and_no_more(attempts: LoginAttempts) -> None:
    budgets = attempts.of_stranger(ACCOUNT, ADDRESS)
    await tries(attempts, budgets, 4)

    for _ in range(10):
        await attempts.spend(budgets)
        await attempts.give_back(budgets)

    assert (await tries(attempts, budgets, 5)).count("counted") == 1


async def test_what_is_given_back_after_the_window_leaves_nothing_behind_for_good(redis: Redis) -> None:
    attempts = replica(redis)
    budgets = attempts.of_stranger(ACCOUNT, ADDRESS)
    await attempts.spend(budgets)
    await redis.flushall()

    await attempts.give_back(budgets)

    keys = await redis.keys("*")
    assert len(keys) == 2
    assert all([0 < await redis.ttl(key) <= 60 for key in keys])


@pytest.mark.requirement("security 40: under every spelling of the name")
@pytest.mark.parametrize("spelling", ["Ada", " ada ", "\uff21\uff24\uff21", "ADA", "\u24d0\u24d3\u24d0"])
def test_every_spelling_counts_as_the_same_name(spelling: str) -> None:
    assert normalize_login_name(spelling) == "ada"


@pytest.mark.requirement("security 51: no name or address in Redis keys")
async def test_redis_learns_neither_names_nor_addresses(redis: Redis, attempts: LoginAttempts) -> None:
    await attempts.spend(attempts.of_stranger("name:canary", ADDRESS))

    keys = [repr(key) for key in await redis.keys("*")]

    assert len(keys) == 2
    assert all("vk:attempts:" in key for key in keys)
    assert not any("canary" in key or ADDRESS in key for key in keys)


@pytest.mark.requirement("security 55: dependencies away: fail closed")
async def test_without_redis_nothing_is_counted_and_nobody_may_try(disposable_redis: EmbeddedRedis) -> None:
    async with connect(disposable_redis.url) as client:
        attempts = replica(client)
        disposable_redis.stop()

        with pytest.raises(TemporarilyUnavailable):
            await attempts.spend(attempts.of_stranger(ACCOUNT, ADDRESS))
