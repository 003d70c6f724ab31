"""Callers that are cancelled in the middle of a Redis command: the next caller gets its own answer."""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from redis.asyncio import Redis

from support.fake_revocations import FakeRevocations
from support.redis_topologies import URL_FIXTURES
from support.revocation_store import new_target, open_replicas, revocation
from support.sealing import SEALER
from support.tcp_proxy import TcpProxy
from support.wire_values import INTERACTION
from valetkey.runtime.lifecycle.clock import system_clock
from valetkey.storage.redis.client.cluster import ClusterRedis
from valetkey.storage.redis.client.connection import connect
from valetkey.storage.redis.kept.interactions import RedisInteractions

CONNECTIONS = 4
CANARIES = [f"canary-{number}" for number in range(64)]

pytestmark = pytest.mark.requirement("security 53: a client that hangs up never leaves a connection answering another")


@pytest.fixture(params=["at once", "with delay", "cluster", "sentinel"])
async def slow_url(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    if request.param in URL_FIXTURES:
        # Nodes name each other, so nothing can stand between.
        yield request.getfixturevalue(URL_FIXTURES[request.param])
        return
    async with TcpProxy(
        request.getfixturevalue("redis_url"), delay=0.004 if request.param == "with delay" else 0.0
    ) as proxy:
        yield proxy.url


@pytest.fixture
async def redis(slow_url: str) -> AsyncIterator[Redis]:
    async with connect(slow_url, max_connections=CONNECTIONS) as client:
        for canary in CANARIES:
            await client.set(canary, canary)
        yield client


async def test_every_answer_belongs_to_its_question_after_hang_ups_at_every_point(redis: Redis) -> None:
    wrong, right = [], 0

    for turns in range(40):
        for canary in CANARIES[:8]:
            abandoned = asyncio.create_task(get(redis, canary))
            for _ in range(turns):
                await asyncio.sleep(0)
            abandoned.cancel()
            answers = await asyncio.gather(*(get(redis, other) for other in CANARIES[8:12]))
            await asyncio.gather(abandoned, return_exceptions=True)
            wrong += [answer for answer in answers if answer not in {other.encode() for other in CANARIES[8:12]}]
            right += answers == [other.encode() for other in CANARIES[8:12]]

    assert wrong == []
    assert right == 320


async def test_every_answer_belongs_to_its_question_while_hundreds_hang_up(redis: Redis) -> None:
    chance = random.Random(53)
    answered = 0

    async def ask(canary: str) -> None:
        nonlocal answered
        answer = await get(redis, canary)
        assert answer == canary.encode()
        answered += 1

    async def ask_and_abort(canary: str) -> None:
        task = asyncio.create_task(ask(canary))
        await asyncio.sleep(chance.choice([0, 0, 0.001, 0.002, 0.005]))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        if not task.cancelled():
            task.result()

    for _ in range(20):
        hang_ups = [ask_and_abort(chance.choice(CANARIES)) for _ in range(40)]
        await asyncio.gather(*hang_ups, *(ask(chance.choice(CANARIES)) for _ in range(10)))

    assert answered >= 200
    await assert_every_connection_is_usable(redis)


async def test_scripts_and_messages_keep_to_their_callers(redis: Redis) -> None:
    chance = random.Random(11)
    interactions = RedisInteractions(redis, lifetime=timedelta(minutes=10), sealer=SEALER, clock=system_clock)
    mine = [replace(INTERACTION, client_uid=UUID(int=number), created_at=system_clock()) for number in range(32)]
    await asyncio.gather(*(interactions.put(f"id-{number}", each) for number, each in enumerate(mine)))

    async def use(number: int) -> None:
        await interactions.put(f"id-{number}", mine[number])
        assert await interactions.find(f"id-{number}") == mine[number]

    for _ in range(30):
        tasks = [asyncio.create_task(use(number)) for number in range(32)]
        for task in tasks[::2]:
            await asyncio.sleep(chance.choice([0, 0, 0, 0.001]))
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(result is None or isinstance(result, asyncio.CancelledError) for result in results)
        assert results[1::2] == [None] * 16

    await assert_every_connection_is_usable(redis)


async def test_the_connection_that_reads_revocations_keeps_to_its_callers(slow_url: str) -> None:
    chance = random.Random(7)
    fake = FakeRevocations()
    targets = [new_target() for _ in range(64)]
    async with open_replicas(fake, slow_url) as (replica,):
        await replica.load()
        await replica.store.revoke([revocation(target) for target in targets[::2]])

        for _ in range(50):
            callers = [asyncio.create_task(replica.is_revoked(target)) for target in targets]
            for caller in chance.sample(callers, 48):
                await asyncio.sleep(chance.choice([0, 0, 0.001]))
                caller.cancel()
            answers = await asyncio.gather(*callers, return_exceptions=True)
            for number, answer in enumerate(answers):
                assert isinstance(answer, asyncio.CancelledError) or answer == (number % 2 == 0)

        assert await replica.is_loaded()


async def get(redis: Redis, key: str) -> object:
    return await redis.get(key)


async def assert_every_connection_is_usable(redis: Redis) -> None:
    """None is lost, and none is left with an answer in it."""
    for _ in range(5):
        answers = await asyncio.gather(*(get(redis, canary) for canary in CANARIES))
        assert answers == [canary.encode() for canary in CANARIES]
    for server in await servers_of(redis):
        await assert_every_connection_to_it_is_usable(server)


async def servers_of(redis: Redis) -> list[Redis]:
    """The client itself, or one for each master of a Cluster."""
    if not isinstance(redis, ClusterRedis):
        return [redis]
    return [redis.nodes.client(node) for node in {await redis.nodes.locate_key(canary) for canary in CANARIES}]


async def assert_every_connection_to_it_is_usable(redis: Redis) -> None:
    held, clients = asyncio.Barrier(CONNECTIONS), set()

    async def hold() -> None:
        async with redis.client() as single:
            clients.add(await single.client_id())
            async with asyncio.timeout(5):
                await held.wait()

    await asyncio.gather(*(hold() for _ in range(CONNECTIONS)))
    assert len(clients) == CONNECTIONS
