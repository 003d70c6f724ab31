"""Budgets of password attempts, in a real Redis: they hold under parallel guesses and come back by themselves."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import pairwise
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from support.redis_topologies import URL_FIXTURES
from valetkey.core.authentication.user import normalize_login_name
from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.demo.stores.embedded_redis import EmbeddedRedis
from valetkey.storage.redis.client.connection import connect
from valetkey.storage.redis.kept.keyspace import LOGIN_ATTEMPTS
from valetkey.storage.redis.limits.login_attempts import (
    Forgotten,
    Guess,
    LoginAttempts,
    account_of_name,
    account_of_user,
)
from valetkey.storage.redis.limits.rate_limit_storage import RateLimitStorage

ADDRESS = "198.51.100.7"
SUBJECT = uuid4()
ACCOUNT = account_of_user(SUBJECT)
GUESS = Guess("ada", ACCOUNT, ADDRESS)
BY_MAIL = replace(GUESS, name="ada@example.com")
ON_DEVICE = replace(GUESS, device="owners-browser")
# What is told, and whether a right password counts.
Answer = tuple[str | None, bool]
IN, OUT, SILENT = (None, True), ("name", False), (None, False)


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


async def tries(attempts: LoginAttempts, guess: Guess, times: int) -> list[Answer]:
    """What became of so many attempts at once."""

    async def one() -> Answer:
        counted = await attempts.count(guess)
        return counted.told, counted.counts

    return await asyncio.gather(*(one() for _ in range(times)))


@pytest.mark.requirement("security 40: attempts counted per account, atomically, under parallel guesses")
@pytest.mark.parametrize("topology", list(URL_FIXTURES))
async def test_parallel_guesses_on_several_replicas_share_one_budget(
    request: pytest.FixtureRequest, topology: str
) -> None:
    async with connect(request.getfixturevalue(URL_FIXTURES[topology])) as redis:
        replicas = [replica(redis) for _ in range(3)]

        results = await asyncio.gather(*(tries(each, GUESS, 10) for each in replicas))

    assert Counter(result for row in results for result in row) == {IN: 5, OUT: 25}


@pytest.mark.requirement("security 40: under every spelling of the name, which is told by no answer")
@pytest.mark.parametrize("names", [1, 2, 5])
async def test_all_names_of_an_account_share_what_a_right_password_needs_and_nothing_that_is_told(
    attempts: LoginAttempts, names: int
) -> None:
    guesses = [replace(GUESS, name=f"name-{number}") for number in range(names)]

    results = [result for guess in guesses for result in await tries(attempts, guess, 6)]

    assert [told for told, _ in results] == ([None] * 5 + ["name"]) * names
    assert [counts for _, counts in results].count(True) == 5


@pytest.mark.requirement("security 39: no answer tells whether a name means an account, or two the same one")
async def test_what_is_told_is_the_same_whatever_names_mean(redis: Redis, attempts: LoginAttempts) -> None:
    one, other = account_of_user(uuid4()), account_of_user(uuid4())
    meanings = {
        "one account": (one, one),
        "two accounts": (one, other),
        "one unknown": (one, account_of_name("b")),
        "both unknown": (account_of_name("a"), account_of_name("b")),
    }
    told = {}

    for meaning, (of_a, of_b) in meanings.items():
        await redis.flushall()
        guesses = [Guess("a", of_a, ADDRESS), Guess("b", of_b, ADDRESS)]
        order = [*"a" * 7, *"b" * 3, *"ab" * 4, *"b" * 4]
        told[meaning] = [(await attempts.count(guesses["ab".index(name)])).told for name in order]
        keys = len(await redis.keys("*"))
        assert keys == (4 if meaning == "one account" else 5)

    assert len(set(map(tuple, told.values()))) == 1
    assert told["one account"][5:8] == ["name", "name", None]


@pytest.mark.requirement("security 40: attempts counted per address")
async def test_guesses_from_one_address_share_one_budget_across_accounts(redis: Redis) -> None:
    attempts = replica(redis, per_address=4)

    guesses = [Guess(f"name-{number}", account_of_user(uuid4()), ADDRESS) for number in range(6)]

    assert [(await tries(attempts, guess, 1))[0] for guess in guesses] == [IN] * 4 + [("address", False)] * 2


async def test_an_address_that_has_spent_its_budget_no_longer_spends_the_accounts(redis: Redis) -> None:
    attempts = replica(redis, per_address=2)

    await tries(attempts, GUESS, 20)

    assert (await tries(attempts, replace(GUESS, address="203.0.113.9"), 4)).count(IN) == 2
    assert (await tries(attempts, replace(GUESS, address="203.0.113.10"), 4)).count(IN) == 1


@pytest.mark.requirement("security 40: a lockout cannot be used to lock the owner out for good")
@pytest.mark.parametrize("spent", ["name", "account", "address", "all"])
async def test_other_browsers_do_not_spend_the_budget_of_the_owners_browser(redis: Redis, spent: str) -> None:
    attempts = replica(redis, per_address=30)
    guesses = {
        "name": [replace(GUESS, address="203.0.113.9")],
        "account": [replace(BY_MAIL, address="203.0.113.9")],
        "address": [Guess("eve", account_of_user(uuid4()), ADDRESS)],
        "all": [GUESS, BY_MAIL],
    }[spent]
    for guess in guesses:
        await tries(attempts, guess, 100)

    owner = await tries(attempts, ON_DEVICE, 1)
    thief = await tries(attempts, replace(GUESS, device="another-browser"), 10)

    assert [counts for _, counts in owner] == [True]
    assert [counts for _, counts in thief].count(True) == 5


async def test_answers_to_a_known_device_are_those_to_unknown_browsers(redis: Redis) -> None:
    attempts = replica(redis, per_address=8)
    order = ["ada"] * 3 + ["ada@example.com"] * 2 + ["ada"] * 5

    told = []
    for device in (None, "owners-browser"):
        await redis.flushall()
        guesses = [replace(GUESS, name=name, device=device) for name in order]
        told.append([(await attempts.count(guess)).told for guess in guesses])

    assert told[0] == told[1] == [None] * 7 + ["name"] + ["address"] * 2


async def test_a_device_that_has_spent_its_budget_counts_as_unknown(attempts: LoginAttempts) -> None:
    by_names = [replace(ON_DEVICE, name=f"name-{number}") for number in range(15)]

    results = [(await tries(attempts, guess, 1))[0] for guess in by_names]

    assert results == [IN] * 10 + [SILENT] * 5


@pytest.mark.requirement("security 40: surviving a pod restart")
async def test_a_new_replica_goes_on_counting_also_with_another_limit(redis: Redis, redis_url: str) -> None:
    await tries(replica(redis), GUESS, 5)

    async with connect(redis_url) as other:
        same = await tries(replica(other), GUESS, 1)
        raised = await tries(replica(other, per_account=7), GUESS, 1)

    assert (same, raised) == ([OUT], [IN])


async def test_a_budget_comes_back_after_its_window_even_under_constant_guessing(redis: Redis) -> None:
    attempts = replica(redis, per_account=1, window=2)
    assert sorted(await tries(attempts, GUESS, 2), key=str) == sorted([OUT, IN], key=str)

    results = []
    for _ in range(40):
        await asyncio.sleep(0.1)
        results += await tries(attempts, GUESS, 1)

    assert IN in results


@pytest.mark.parametrize("guess", [GUESS, ON_DEVICE], ids=["unknown browser", "device"])
async def test_a_success_gives_back_its_own_attempt_and_no_more(
    attempts: LoginAttempts, redis: Redis, guess: Guess
) -> None:
    await tries(attempts, guess, 4)
    before = {key: await redis.get(key) for key in await redis.keys("*")}

    for _ in range(10):
        await attempts.give_back(await attempts.count(guess))

    assert {key: await redis.get(key) for key in await redis.keys("*")} == before
    assert (await tries(attempts, guess, 5)).count(IN) == 1


async def test_what_is_given_back_after_the_window_leaves_nothing_behind_for_good(redis: Redis) -> None:
    attempts = replica(redis)
    counted = await attempts.count(GUESS)
    await redis.flushall()

    await attempts.give_back(counted)

    keys = await redis.keys("*")
    assert len(keys) == 3
    assert all([0 < await redis.ttl(key) <= 60 for key in keys])


@pytest.mark.requirement("security 40: an operator gives an account its budgets back")
@pytest.mark.parametrize("topology", list(URL_FIXTURES))
async def test_what_was_counted_against_an_account_is_forgotten_under_all_its_names(
    request: pytest.FixtureRequest, topology: str
) -> None:
    async with connect(request.getfixturevalue(URL_FIXTURES[topology])) as redis:
        attempts, operators = replica(redis), replica(redis, per_account=99, per_address=1, window=1)
        other = Guess("eve", account_of_user(uuid4()), ADDRESS)
        for guess in (GUESS, BY_MAIL, other):
            await tries(attempts, guess, 6)
        before = [(await tries(attempts, guess, 1))[0] for guess in (GUESS, BY_MAIL, other)]

        forgotten = await operators.forget(["ada", "ada@example.com", "never-tried"], ACCOUNT)
        again = await operators.forget(["ada", "ada@example.com"], ACCOUNT)
        after = [(await tries(attempts, guess, 1))[0] for guess in (GUESS, BY_MAIL, other)]

    assert before == [OUT] * 3
    assert forgotten == [
        Forgotten("name", "ada", 7),
        Forgotten("name", "ada@example.com", 7),
        Forgotten("name", "never-tried", 0),
        Forgotten("account", None, 14),
    ]
    assert not any(each.attempts for each in again)
    assert after == [IN, IN, OUT]


async def test_forgetting_and_guessing_at_once_never_gives_more_than_one_budget_each(redis: Redis) -> None:
    attempts = replica(redis)
    times, rounds = 40, 25

    for _ in range(rounds):
        await redis.flushall()
        results, _, _ = await asyncio.gather(
            tries(attempts, GUESS, times), attempts.forget(["ada"], ACCOUNT), attempts.forget(["ada"], ACCOUNT)
        )

        assert 5 <= results.count(IN) <= 15


@pytest.mark.requirement("security 40: under every spelling of the name")
@pytest.mark.parametrize("spelling", ["Ada", " ada ", "\uff21\uff24\uff21", "ADA", "\u24d0\u24d3\u24d0"])
def test_every_spelling_counts_as_the_same_name(spelling: str) -> None:
    assert normalize_login_name(spelling) == "ada"


@pytest.mark.requirement("security 51: no name or address in Redis keys")
async def test_redis_learns_neither_names_nor_addresses(redis: Redis, attempts: LoginAttempts) -> None:
    await attempts.count(Guess("canary", account_of_name("canary"), ADDRESS))

    keys = [repr(key) for key in await redis.keys("*")]

    assert len(keys) == 3
    assert all("vk:attempts:" in key for key in keys)
    assert not any("canary" in key or ADDRESS in key for key in keys)


async def test_a_name_an_address_and_an_account_of_the_same_text_are_apart(
    redis: Redis, attempts: LoginAttempts
) -> None:
    await attempts.count(Guess("same", "same", "same", "same"))

    keys = sorted(await redis.keys("*"))

    assert len(keys) == 3
    assert all(one != other for one, other in pairwise(keys))


@pytest.mark.requirement("security 55: dependencies away: fail closed")
async def test_without_redis_nothing_is_counted_and_every_attempt_is_refused(disposable_redis: EmbeddedRedis) -> None:
    async with connect(disposable_redis.url) as client:
        attempts = replica(client)
        disposable_redis.stop()

        with pytest.raises(TemporarilyUnavailable):
            await attempts.count(GUESS)
        with pytest.raises(TemporarilyUnavailable):
            await attempts.forget(["ada"], ACCOUNT)
