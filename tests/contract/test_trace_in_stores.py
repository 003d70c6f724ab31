"""The trace of a login goes on wherever what it left is read; what callers send has no part in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
from redis.asyncio import Redis

from support.sealing import SEALER, redis_codes
from support.wire_values import CODE, INTERACTION
from valetkey.core.oauth.authorization_code import CodeBinding, RedemptionOutcome, generate_code
from valetkey.core.sealed_value import Purpose
from valetkey.runtime.telemetry.trace import Trace
from valetkey.runtime.telemetry.tracing import begin_trace
from valetkey.storage.redis.client.connection import connect
from valetkey.storage.redis.kept.codes import RedisCodes
from valetkey.storage.redis.kept.interactions import RedisInteractions
from valetkey.storage.redis.kept.keyspace import code_key
from valetkey.storage.redis.messages import authorization_code_message, interaction_message
from valetkey.wire.v1 import authorization_code_pb2, interaction_pb2

HOLDER = CodeBinding(CODE.client_uid, CODE.code_challenge, CODE.redirect_uri)
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def a_trace(*, is_sampled: bool) -> Trace:
    trace = begin_trace()
    if is_sampled:
        trace.sample()
    return trace


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = connect(redis_url)
    yield client
    await client.aclose()


@pytest.fixture
def codes(redis: Redis) -> RedisCodes:
    return redis_codes(redis)


@pytest.fixture
def interactions(redis: Redis) -> RedisInteractions:
    return RedisInteractions(redis, lifetime=timedelta(seconds=60), sealer=SEALER, clock=lambda: NOW)


@pytest.mark.parametrize("is_sampled", [True, False], ids=["sampled-itself", "not-sampled-itself"])
async def test_taking_a_code_continues_the_trace_that_left_it(codes: RedisCodes, is_sampled: bool) -> None:
    value = generate_code()
    left = a_trace(is_sampled=True)
    await codes.put(value, CODE)

    taken = a_trace(is_sampled=is_sampled)
    redemption = await codes.consume(value, HOLDER)

    assert redemption.outcome is RedemptionOutcome.TAKEN
    assert (taken.trace_id, taken.parent and taken.parent.span_id) == (left.trace_id, left.span_id)
    assert [done.name for done in taken.end()] == ["codes.consume"]


async def test_reading_an_interaction_continues_its_trace_and_passes_it_on(
    interactions: RedisInteractions,
) -> None:
    begun = a_trace(is_sampled=True)
    await interactions.put("interaction", replace(INTERACTION, created_at=NOW))

    login = a_trace(is_sampled=False)
    found = await interactions.find("interaction")
    assert found is not None
    await interactions.put("interaction", found)
    consent = a_trace(is_sampled=False)
    await interactions.find("interaction")

    assert login.trace_id == consent.trace_id == begun.trace_id
    assert consent.parent is not None
    assert consent.parent.span_id == login.span_id
    assert [done.name for done in login.end()] == ["interactions.find", "interactions.put"]


@pytest.mark.requirement("security 48: nothing that a caller sends becomes our trace")
async def test_a_login_that_is_not_sampled_leaves_nothing_and_decides_nothing(codes: RedisCodes, redis: Redis) -> None:
    value = generate_code()
    a_trace(is_sampled=False)
    await codes.put(value, CODE)
    key, untraced = code_key(value), authorization_code_message.to_bytes(CODE)
    kept = cast("bytes", await redis.get(key))
    message = SEALER.read(Purpose.AUTHORIZATION_CODE, key, kept[65:], kept[1:65])

    taken = a_trace(is_sampled=True)
    before = taken.trace_id
    await codes.consume(value, HOLDER)

    assert message == untraced
    assert before.encode() not in message
    assert (taken.trace_id, taken.parent) == (before, None)


async def test_a_code_that_another_client_presents_tells_nothing_of_its_trace(codes: RedisCodes) -> None:
    value = generate_code()
    left = a_trace(is_sampled=True)
    await codes.put(value, CODE)

    other = a_trace(is_sampled=False)
    redemption = await codes.consume(value, CodeBinding(CODE.client_uid, "another", CODE.redirect_uri))

    assert redemption.outcome is RedemptionOutcome.MISMATCHED
    assert (other.trace_id != left.trace_id, other.operations) == (True, None)


@pytest.mark.parametrize("left", ["", "00-nonsense", "\N{SNOWMAN}"])
def test_a_message_with_no_trace_or_one_that_cannot_be_read_is_read_all_the_same(left: str) -> None:
    code = authorization_code_pb2.AuthorizationCode.FromString(authorization_code_message.to_bytes(CODE))
    interaction = interaction_pb2.Interaction.FromString(interaction_message.to_bytes(INTERACTION))
    code.traceparent = interaction.traceparent = left
    trace = a_trace(is_sampled=False)

    read = (
        authorization_code_message.from_bytes(code.SerializeToString()),
        interaction_message.from_bytes(interaction.SerializeToString()),
    )

    assert read == (CODE, INTERACTION)
    assert trace.operations is None
