"""How many codes one user, one session, and one user at one client can leave: counted with the code, in one step."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID, uuid4

import pytest
from redis.asyncio import Redis

from support.eventually import eventually
from support.fake_codes import FakeCodes
from support.redis_topologies import URL_FIXTURES
from support.sealing import redis_codes
from support.wire_values import CODE
from valetkey.core.oauth.authorization_code import AuthorizationCode, CodeBinding, RedemptionOutcome, generate_code
from valetkey.core.oauth.errors import TooManyRequests
from valetkey.storage.redis.client.connection import connect
from valetkey.storage.redis.kept.codes import RedisCodes
from valetkey.storage.redis.limits.code_limits import CodeLimits, TooManyCodes

LIMITS = CodeLimits(per_user_and_client=3, per_session=5, per_user=8)
LIFETIME = timedelta(seconds=30)
Codes = FakeCodes | RedisCodes
pytestmark = pytest.mark.requirement("security 55c: what a session, a user or a client can leave is bounded")


class Who(NamedTuple):
    """For whom a code is."""

    client: UUID
    session: UUID
    user: UUID


def new_owner() -> Who:
    return Who(uuid4(), uuid4(), uuid4())


def code_for(who: Who, nonce: str = "n") -> AuthorizationCode:
    login = CODE.authentication._replace(subject=who.user, session_id=who.session)
    return replace(CODE, client_uid=who.client, authentication=login, nonce=nonce)


@pytest.fixture(params=["fake", *URL_FIXTURES])
async def codes(request: pytest.FixtureRequest) -> AsyncIterator[Codes]:
    if request.param == "fake":
        yield FakeCodes(LIMITS, lifetime=LIFETIME, tombstone=LIFETIME)
        return
    async with connect(request.getfixturevalue(URL_FIXTURES[request.param])) as client:
        yield redis_codes(client, LIMITS, lifetime=LIFETIME, tombstone=LIFETIME)


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with connect(redis_url) as client:
        yield client


async def put(codes: Codes, who: Who, times: int) -> Counter[str]:
    """How it went; what has been accepted can be taken, what has not cannot."""
    outcomes = Counter[str]()
    for _ in range(times):
        value, code = generate_code(), code_for(who)
        binding = CodeBinding(code.client_uid, code.code_challenge, code.redirect_uri)
        try:
            await codes.put(value, code)
        except TooManyRequests:
            outcomes["refused"] += 1
            assert (await codes.consume(value, binding)).outcome is RedemptionOutcome.UNKNOWN
        else:
            outcomes["kept"] += 1
            assert (await codes.consume(value, binding)).outcome is RedemptionOutcome.TAKEN
    return outcomes


async def test_one_user_gets_so_many_codes_at_one_client(codes: Codes) -> None:
    assert await put(codes, new_owner(), 5) == {"kept": 3, "refused": 2}


async def test_other_users_and_clients_are_counted_apart(codes: Codes) -> None:
    one, other = new_owner(), new_owner()
    await put(codes, one, 5)

    assert await put(codes, one._replace(user=other.user, session=other.session), 3) == {"kept": 3}
    assert await put(codes, other._replace(client=other.client), 2) == {"kept": 2}


async def test_one_session_gets_so_many_codes_at_all_clients(codes: Codes) -> None:
    who = new_owner()

    outcomes = sum([await put(codes, who._replace(client=uuid4()), 2) for _ in range(4)], Counter[str]())

    assert outcomes == {"kept": 5, "refused": 3}


async def test_one_user_gets_so_many_codes_in_all_sessions(codes: Codes) -> None:
    who = new_owner()

    outcomes = [await put(codes, who._replace(client=uuid4(), session=uuid4()), 2) for _ in range(6)]

    assert sum(outcomes, Counter[str]()) == {"kept": 8, "refused": 4}


async def test_a_client_that_asks_without_end_uses_up_nothing_of_the_others(codes: Codes) -> None:
    greedy = new_owner()
    await put(codes, greedy, 50)

    assert await put(codes, greedy._replace(client=uuid4()), 2) == {"kept": 2}
    assert await put(codes, greedy._replace(client=uuid4(), session=uuid4()), 3) == {"kept": 3}


@pytest.mark.parametrize("topology", list(URL_FIXTURES))
async def test_replicas_share_the_counts_and_one_of_them_learns_that_one_was_just_spent(
    request: pytest.FixtureRequest, topology: str
) -> None:
    who = new_owner()

    async def at_once(codes: RedisCodes) -> tuple[str, int, bool] | None:
        try:
            await codes.put(generate_code(), code_for(who))
        except TooManyCodes as error:
            return error.limit, error.retry_after, error.has_just_happened
        return None

    async with connect(request.getfixturevalue(URL_FIXTURES[topology])) as redis:
        replicas = [redis_codes(redis, LIMITS, lifetime=LIFETIME, tombstone=LIFETIME) for _ in range(3)]
        outcomes = Counter(await asyncio.gather(*(at_once(each) for each in replicas for _ in range(10))))

    assert outcomes == {None: 3, ("codes_of_client", 30, True): 1, ("codes_of_client", 30, False): 26}


async def test_a_large_code_counts_once_for_each_of_its_kilobytes(redis: Redis) -> None:
    codes = redis_codes(redis, LIMITS, lifetime=LIFETIME, tombstone=LIFETIME)
    who = new_owner()
    await codes.put(generate_code(), code_for(who, "n" * 2000))

    with pytest.raises(TooManyCodes) as refused:
        await codes.put(generate_code(), code_for(who))

    assert refused.value.has_just_happened


async def test_counts_end_with_the_codes_that_they_count(redis: Redis) -> None:
    codes = redis_codes(redis, LIMITS, lifetime=timedelta(seconds=1), tombstone=LIFETIME)
    who = new_owner()
    for _ in range(3):
        await codes.put(generate_code(), code_for(who))

    async def is_over() -> bool:
        try:
            await codes.put(generate_code(), code_for(who))
        except TooManyCodes:
            return False
        return True

    assert not await is_over()
    await eventually(is_over)


async def test_every_key_that_is_left_has_an_end(redis: Redis) -> None:
    codes = redis_codes(redis, LIMITS, lifetime=LIFETIME, tombstone=LIFETIME)
    who = new_owner()
    for number in range(20):
        try:
            await codes.put(generate_code(), code_for(who._replace(client=UUID(int=number % 4))))
        except TooManyCodes:
            continue

    keys, counts = await redis.keys(), await redis.keys("vk:codes:*")

    assert len(counts) == 6
    assert all([0 < await redis.pttl(key) <= 30_000 for key in keys])


@pytest.mark.requirement("architecture 5: an authorization by a session costs one command")
async def test_putting_a_code_is_one_command(redis: Redis) -> None:
    codes = redis_codes(redis, LIMITS, lifetime=LIFETIME, tombstone=LIFETIME)
    await codes.put(generate_code(), code_for(new_owner()))
    await redis.config_resetstat()

    await codes.put(generate_code(), code_for(new_owner()))

    stats = await redis.info("commandstats")
    calls = {name: stat["calls"] for name, stat in stats.items() if not name.startswith("cmdstat_config")}
    # What a script calls is counted beside it.
    assert calls == {"cmdstat_evalsha": 1, "cmdstat_incrby": 3, "cmdstat_pexpire": 3, "cmdstat_set": 1}
