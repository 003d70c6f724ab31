"""What authorize may rely on about interactions."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from redis.asyncio import Redis

from support.fake_interactions import FakeInteractions
from support.redis_topologies import URL_FIXTURES
from support.sealing import SEALER
from support.wire_values import INTERACTION, NOON
from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.core.sealed_value import Purpose
from valetkey.storage.redis.client.connection import connect
from valetkey.storage.redis.kept.interactions import RedisInteractions
from valetkey.storage.redis.kept.keyspace import interaction_key
from valetkey.storage.redis.messages import interaction_message
from valetkey.wire.v1.interaction_pb2 import Interaction as InteractionMessage

LIFETIME = timedelta(minutes=10)
Interactions = FakeInteractions | RedisInteractions


class Hands:
    """A clock whose hands are moved by the test."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with connect(redis_url) as client:
        yield client


@pytest.fixture(params=["fake", *URL_FIXTURES])
async def interactions(request: pytest.FixtureRequest, clock: Hands) -> AsyncIterator[Interactions]:
    if request.param == "fake":
        yield FakeInteractions(lifetime=LIFETIME, clock=clock)
        return
    async with connect(request.getfixturevalue(URL_FIXTURES[request.param])) as client:
        yield RedisInteractions(client, lifetime=LIFETIME, sealer=SEALER, clock=clock)


def new_id() -> str:
    return secrets.token_urlsafe(32)


@pytest.mark.requirement("security 11: the login acts on what the server stored")
async def test_an_interaction_is_found_as_it_was_put(interactions: Interactions) -> None:
    interaction_id = new_id()

    await interactions.put(interaction_id, INTERACTION)

    assert await interactions.find(interaction_id) == INTERACTION
    assert await interactions.find(interaction_id) == INTERACTION


async def test_an_interaction_is_replaced(interactions: Interactions) -> None:
    interaction_id = new_id()
    await interactions.put(interaction_id, INTERACTION)
    later = INTERACTION.logged_in(UUID(int=77))

    await interactions.put(interaction_id, later)

    assert await interactions.find(interaction_id) == later


@pytest.mark.requirement("security 11: a step that is replayed gets nothing")
async def test_an_interaction_is_taken_once(interactions: Interactions) -> None:
    interaction_id = new_id()
    await interactions.put(interaction_id, INTERACTION)

    taken = [await interactions.take(interaction_id) for _ in range(2)]

    assert taken == [INTERACTION, None]
    assert await interactions.find(interaction_id) is None


@pytest.mark.requirement("security 11: a step that is replayed gets nothing, from another tab either")
async def test_a_tab_that_is_late_does_not_bring_back_what_was_taken(interactions: Interactions) -> None:
    interaction_id = new_id()
    await interactions.put(interaction_id, INTERACTION)
    await interactions.take(interaction_id)

    await interactions.put(interaction_id, INTERACTION)

    assert await interactions.find(interaction_id) is None
    assert await interactions.take(interaction_id) is None


async def test_an_interaction_that_was_never_put_is_not_there(interactions: Interactions) -> None:
    assert await interactions.find(new_id()) is None
    assert await interactions.take(new_id()) is None


async def test_an_interaction_that_was_never_put_can_be_put_after_it_was_asked_for(interactions: Interactions) -> None:
    interaction_id = new_id()
    await interactions.take(interaction_id)

    await interactions.put(interaction_id, INTERACTION)

    assert await interactions.find(interaction_id) == INTERACTION


async def test_only_one_of_many_takes_it(interactions: Interactions) -> None:
    interaction_id = new_id()
    await interactions.put(interaction_id, INTERACTION)

    taken = await asyncio.gather(*(interactions.take(interaction_id) for _ in range(16)))

    assert [interaction for interaction in taken if interaction is not None] == [INTERACTION]


async def test_an_interaction_that_is_too_old_is_not_put(interactions: Interactions, clock: Hands) -> None:
    interaction_id = new_id()
    clock.now = NOON + LIFETIME

    await interactions.put(interaction_id, INTERACTION)

    assert await interactions.find(interaction_id) is None


async def test_an_id_token_hint_is_dropped(interactions: Interactions) -> None:
    interaction_id = new_id()
    request = replace(INTERACTION.request, id_token_hint="eyJhbGciOiJFUzI1NiJ9.e30.c2ln")

    await interactions.put(interaction_id, replace(INTERACTION, request=request))

    assert await interactions.find(interaction_id) == INTERACTION


async def test_replacing_and_taking_an_interaction_does_not_prolong_its_life(redis: Redis, clock: Hands) -> None:
    interactions, interaction_id = RedisInteractions(redis, lifetime=LIFETIME, sealer=SEALER, clock=clock), new_id()
    await interactions.put(interaction_id, INTERACTION)
    (key,) = await redis.keys()
    clock.now = NOON + timedelta(minutes=9)

    await interactions.put(interaction_id, INTERACTION)
    replaced = await redis.pttl(key)
    await interactions.take(interaction_id)
    taken = await redis.pttl(key)

    assert 59_000 < taken <= replaced <= 60_000


async def test_an_interaction_is_gone_when_its_time_is_over(redis: Redis, clock: Hands) -> None:
    interactions, interaction_id = RedisInteractions(redis, lifetime=LIFETIME, sealer=SEALER, clock=clock), new_id()
    clock.now = NOON + LIFETIME - timedelta(milliseconds=100)
    await interactions.put(interaction_id, INTERACTION)

    await asyncio.sleep(0.15)

    assert await interactions.find(interaction_id) is None
    assert await interactions.take(interaction_id) is None
    assert await redis.keys() == []


@pytest.mark.requirement("security 51: an interaction's id, which opens it, is not in Redis")
async def test_redis_never_sees_the_id(redis: Redis, clock: Hands) -> None:
    interactions, interaction_id = RedisInteractions(redis, lifetime=LIFETIME, sealer=SEALER, clock=clock), new_id()
    await interactions.put(interaction_id, INTERACTION)

    (key,) = await redis.keys()

    kept = await redis.get(key)
    assert isinstance(kept, bytes)
    assert isinstance(key, bytes)
    assert interaction_id.encode() not in key + kept


async def test_an_interaction_for_a_newer_release_is_refused(redis: Redis, clock: Hands) -> None:
    interactions, interaction_id = RedisInteractions(redis, lifetime=LIFETIME, sealer=SEALER, clock=clock), new_id()
    await interactions.put(interaction_id, INTERACTION)
    key = interaction_key(interaction_id)
    newer = interaction_message.to_bytes(INTERACTION) + InteractionMessage(min_reader=99).SerializeToString()
    await redis.set(key, SEALER.seal(Purpose.INTERACTION, key, newer))

    with pytest.raises(TemporarilyUnavailable):
        await interactions.find(interaction_id)
