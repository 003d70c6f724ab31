"""What authorize and token may rely on about authorization codes."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from redis.asyncio import Redis

from support.fake_codes import FakeCodes
from support.redis_topologies import URL_FIXTURES
from support.sealing import SEALER, redis_codes, sealer_of
from support.wire_values import CODE
from valetkey.core.oauth.authorization_code import (
    BindingPart,
    CodeBinding,
    Redemption,
    RedemptionOutcome,
    code_digest,
    generate_code,
)
from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.core.sealed_value import Purpose
from valetkey.storage.redis.client.connection import connect
from valetkey.storage.redis.kept.codes import RedisCodes
from valetkey.storage.redis.kept.keyspace import code_key
from valetkey.storage.redis.messages import authorization_code_message
from valetkey.wire.v1.authorization_code_pb2 import AuthorizationCode

LIFETIME = timedelta(seconds=60)
TOMBSTONE = timedelta(seconds=300)
HOLDER = CodeBinding(CODE.client_uid, CODE.code_challenge, CODE.redirect_uri)
WITHOUT_REDIRECT_URI = replace(HOLDER, redirect_uri=None)
ANOTHER_CLIENT: dict[str, Any] = {"client_uid": CODE.authorization_id}
ANOTHER_VERIFIER: dict[str, Any] = {"code_challenge": CODE.code_challenge[::-1]}
ANOTHER_REDIRECT_URI: dict[str, Any] = {"redirect_uri": CODE.redirect_uri + "/"}
CLIENT, VERIFIER, REDIRECT_URI = BindingPart
WRONG_BINDINGS: dict[str, tuple[dict[str, Any], tuple[BindingPart, ...]]] = {
    "client": (ANOTHER_CLIENT, (CLIENT,)),
    "verifier": (ANOTHER_VERIFIER, (VERIFIER,)),
    "redirect_uri": (ANOTHER_REDIRECT_URI, (REDIRECT_URI,)),
    "empty redirect_uri": ({"redirect_uri": ""}, (REDIRECT_URI,)),
    "client, without redirect_uri": (ANOTHER_CLIENT | {"redirect_uri": None}, (CLIENT,)),
    "client and verifier": (ANOTHER_CLIENT | ANOTHER_VERIFIER, (CLIENT, VERIFIER)),
    "all": (ANOTHER_CLIENT | ANOTHER_VERIFIER | ANOTHER_REDIRECT_URI, (CLIENT, VERIFIER, REDIRECT_URI)),
}
Codes = FakeCodes | RedisCodes


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = connect(redis_url)
    yield client
    await client.aclose()


@pytest.fixture(params=["fake", *URL_FIXTURES])
async def codes(request: pytest.FixtureRequest) -> AsyncIterator[Codes]:
    async for store in open_codes(request, LIFETIME, TOMBSTONE):
        yield store


async def open_codes(request: pytest.FixtureRequest, lifetime: timedelta, tombstone: timedelta) -> AsyncIterator[Codes]:
    if request.param == "fake":
        yield FakeCodes(lifetime=lifetime, tombstone=tombstone)
        return
    async with connect(request.getfixturevalue(URL_FIXTURES[request.param])) as client:
        yield redis_codes(client, lifetime=lifetime, tombstone=tombstone)


@pytest.mark.requirement("security 14: what the user agreed to is bound to the code")
async def test_taking_a_code_returns_what_was_put(codes: Codes) -> None:
    value = generate_code()
    await codes.put(value, CODE)

    taken = await codes.consume(value, HOLDER)

    assert taken == Redemption(RedemptionOutcome.TAKEN, CODE)


@pytest.mark.requirement("RFC 6749 §4.1.2: a code MUST NOT be used more than once")
async def test_a_code_is_taken_once_and_replayed_ever_after(codes: Codes) -> None:
    value = generate_code()
    await codes.put(value, CODE)

    redemptions = [await codes.consume(value, HOLDER) for _ in range(3)]

    outcomes = [redemption.outcome for redemption in redemptions]
    assert outcomes == [RedemptionOutcome.TAKEN, RedemptionOutcome.REPLAYED, RedemptionOutcome.REPLAYED]
    assert redemptions[2].code == CODE


@pytest.mark.requirement("OAuth 2.1 §4.1.3: redirect_uri may be omitted")
async def test_a_code_is_taken_without_a_redirect_uri(codes: Codes) -> None:
    value = generate_code()
    await codes.put(value, CODE)

    taken = await codes.consume(value, WITHOUT_REDIRECT_URI)

    assert taken.outcome is RedemptionOutcome.TAKEN


@pytest.mark.parametrize(("changes", "parts"), WRONG_BINDINGS.values(), ids=WRONG_BINDINGS)
@pytest.mark.requirement("security 15: an invalid replay neither takes a code nor tells what it holds")
async def test_a_wrong_binding_gets_nothing_and_changes_nothing(
    codes: Codes, changes: dict[str, Any], parts: tuple[BindingPart, ...]
) -> None:
    value, wrong = generate_code(), replace(HOLDER, **changes)
    await codes.put(value, CODE)

    before = await codes.consume(value, wrong)
    taken = await codes.consume(value, HOLDER)
    after = await codes.consume(value, wrong)

    assert before == after == Redemption(RedemptionOutcome.MISMATCHED, mismatched=parts)
    assert before.reason == f"code is mismatched: {', '.join(parts)}"
    assert taken.outcome is RedemptionOutcome.TAKEN


async def test_a_mismatch_leaves_the_stored_code_byte_for_byte(redis: Redis) -> None:
    codes, value = redis_codes(redis, lifetime=LIFETIME, tombstone=TOMBSTONE), generate_code()
    await codes.put(value, CODE)
    (key,) = await redis.keys()
    before, left = await redis.get(key), await redis.pttl(key)

    for changes, _ in WRONG_BINDINGS.values():
        await codes.consume(value, replace(HOLDER, **changes))

    assert await redis.get(key) == before
    assert left - 5_000 < await redis.pttl(key) <= left


async def test_a_code_as_release_0_1_0_stores_it_tells_its_part_too(redis: Redis) -> None:
    codes = redis_codes(redis, lifetime=LIFETIME, tombstone=TOMBSTONE, sealer=sealer_of("plain,k1"))
    value = generate_code()
    holder = hashlib.sha256(CODE.client_uid.bytes + CODE.code_challenge.encode()).digest()
    bound = holder + hashlib.sha256(CODE.redirect_uri.encode()).digest()
    await redis.set(code_key(value), b"F" + bound + authorization_code_message.to_bytes(CODE), px=60_000)

    refused = await codes.consume(value, replace(HOLDER, **ANOTHER_VERIFIER))
    taken = await codes.consume(value, HOLDER)

    assert refused == Redemption(RedemptionOutcome.MISMATCHED, mismatched=(VERIFIER,))
    assert taken == Redemption(RedemptionOutcome.TAKEN, CODE)


async def test_what_is_stored_is_what_release_0_1_0_compares(redis: Redis) -> None:
    codes, value = redis_codes(redis, lifetime=LIFETIME, tombstone=TOMBSTONE), generate_code()

    await codes.put(value, CODE)

    holder = hashlib.sha256(CODE.client_uid.bytes + CODE.code_challenge.encode()).digest()
    bound = holder + hashlib.sha256(CODE.redirect_uri.encode()).digest()
    kept = await redis.get(code_key(value))
    assert isinstance(kept, bytes)
    assert kept[:65] == b"F" + bound
    message = SEALER.read(Purpose.AUTHORIZATION_CODE, code_key(value), kept[65:], bound)
    assert authorization_code_message.from_bytes(message) == CODE


@pytest.mark.requirement("security 15: an invalid replay neither takes a code nor tells what it holds")
async def test_a_mismatch_of_a_code_that_cannot_be_read_is_a_mismatch(redis: Redis) -> None:
    codes, value = redis_codes(redis, lifetime=LIFETIME, tombstone=TOMBSTONE), generate_code()
    await codes.put(value, CODE)
    newer = AuthorizationCode(min_reader=99).SerializeToString()
    await redis.append(code_key(value), SEALER.seal(Purpose.ABANDONED_REDEMPTION, code_key(value), newer))

    for_newer = await codes.consume(value, replace(HOLDER, **ANOTHER_VERIFIER))
    without_key = redis_codes(redis, lifetime=LIFETIME, tombstone=TOMBSTONE, sealer=sealer_of("k2"))
    for_others = await without_key.consume(value, replace(HOLDER, **ANOTHER_VERIFIER))

    assert for_newer == for_others == Redemption(RedemptionOutcome.MISMATCHED)
    assert for_newer.reason == "code is mismatched"


@pytest.mark.requirement("security 17: truncated, extended or re-cased values are invalid")
async def test_a_value_that_is_not_the_code_is_unknown(codes: Codes) -> None:
    value = generate_code()
    await codes.put(value, CODE)

    others = [value[:-1], value + "A", value.swapcase(), " " + value, code_digest(value), generate_code()]
    outcomes = {(await codes.consume(other, HOLDER)).outcome for other in others}

    assert outcomes == {RedemptionOutcome.UNKNOWN}


async def test_a_code_given_back_can_be_taken_again_by_one(codes: Codes) -> None:
    value = generate_code()
    await codes.put(value, CODE)
    await codes.consume(value, HOLDER)

    await codes.release(value)

    assert (await codes.consume(value, HOLDER)).outcome is RedemptionOutcome.TAKEN
    assert (await codes.consume(value, HOLDER)).outcome is RedemptionOutcome.REPLAYED


async def test_a_code_tells_which_redemptions_were_abandoned(codes: Codes) -> None:
    value, first, second = generate_code(), CODE.issued_at + timedelta(seconds=1), CODE.issued_at + timedelta(seconds=9)
    await codes.put(value, CODE)
    for unconfirmed_at in (first, None, second):
        await codes.consume(value, HOLDER)
        await codes.release(value, unconfirmed_at)

    taken = await codes.consume(value, HOLDER)

    assert taken == Redemption(RedemptionOutcome.TAKEN, replace(CODE, unconfirmed_at=(first, second)))
    assert await codes.consume(value, HOLDER) == Redemption(RedemptionOutcome.REPLAYED, taken.code)


async def test_giving_back_what_was_never_there_does_nothing(codes: Codes) -> None:
    value = generate_code()

    await codes.release(value)

    assert (await codes.consume(value, HOLDER)).outcome is RedemptionOutcome.UNKNOWN


async def test_giving_back_a_fresh_code_leaves_it_as_it_is(codes: Codes) -> None:
    value = generate_code()
    await codes.put(value, CODE)

    await codes.release(value)

    assert (await codes.consume(value, HOLDER)).outcome is RedemptionOutcome.TAKEN


async def test_many_codes_do_not_disturb_each_other(codes: Codes) -> None:
    values = [generate_code() for _ in range(50)]
    await asyncio.gather(*(codes.put(value, CODE) for value in values))

    outcomes = [(await codes.consume(value, HOLDER)).outcome for value in values]

    assert outcomes == [RedemptionOutcome.TAKEN] * 50


@pytest.mark.requirement("security 16: a code lives no longer than its lifetime")
async def test_a_code_expires(short_lived_codes: Codes) -> None:
    value = generate_code()
    await short_lived_codes.put(value, CODE)

    await asyncio.sleep(0.25)

    assert (await short_lived_codes.consume(value, HOLDER)).outcome is RedemptionOutcome.UNKNOWN


async def test_a_spent_code_is_remembered_after_it_would_have_expired(short_lived_codes: Codes) -> None:
    value = generate_code()
    await short_lived_codes.put(value, CODE)
    await short_lived_codes.consume(value, HOLDER)

    await asyncio.sleep(0.25)

    assert (await short_lived_codes.consume(value, HOLDER)).outcome is RedemptionOutcome.REPLAYED


async def test_giving_back_does_not_prolong_a_code(short_lived_codes: Codes) -> None:
    value = generate_code()
    await short_lived_codes.put(value, CODE)
    await short_lived_codes.consume(value, HOLDER)

    await short_lived_codes.release(value)
    await asyncio.sleep(0.25)

    assert (await short_lived_codes.consume(value, HOLDER)).outcome is not RedemptionOutcome.TAKEN


async def test_a_code_given_back_too_late_cannot_be_taken(short_lived_codes: Codes) -> None:
    value = generate_code()
    await short_lived_codes.put(value, CODE)
    await short_lived_codes.consume(value, HOLDER)
    await asyncio.sleep(0.25)

    await short_lived_codes.release(value)

    assert (await short_lived_codes.consume(value, HOLDER)).outcome is not RedemptionOutcome.TAKEN


@pytest.fixture(params=["fake", *URL_FIXTURES])
async def short_lived_codes(request: pytest.FixtureRequest) -> AsyncIterator[Codes]:
    async for store in open_codes(request, timedelta(seconds=0.2), timedelta(seconds=30)):
        yield store


@pytest.mark.requirement("architecture 3: what is in Redis is short-lived, each with its own TTL")
async def test_redis_keeps_a_code_and_its_tombstone_for_a_bounded_time(redis: Redis) -> None:
    codes = redis_codes(redis, lifetime=LIFETIME, tombstone=TOMBSTONE)
    value = generate_code()
    await codes.put(value, CODE)
    (key,) = await redis.keys()

    fresh = await redis.pttl(key)
    await codes.consume(value, HOLDER)
    spent = await redis.pttl(key)
    await codes.release(value)
    given_back = await redis.pttl(key)

    assert 59_000 < given_back <= fresh <= 60_000
    assert 359_000 < spent <= 360_000


@pytest.mark.requirement("security 51: no code in Redis keys or values")
async def test_redis_never_sees_the_code(redis: Redis) -> None:
    codes = redis_codes(redis, lifetime=LIFETIME, tombstone=TOMBSTONE)
    value = generate_code()
    await codes.put(value, CODE)

    (key,) = await redis.keys()

    assert key == f"vk:code:{{{code_digest(value)}}}".encode()
    kept = await redis.get(key)
    assert isinstance(kept, bytes)
    assert value[6:].encode() not in key + kept


async def test_a_code_for_a_newer_release_is_refused_and_left_for_it(redis: Redis) -> None:
    codes = redis_codes(redis, lifetime=LIFETIME, tombstone=TOMBSTONE)
    value = generate_code()
    await codes.put(value, CODE)
    (key,) = await redis.keys()
    newer = AuthorizationCode(min_reader=99).SerializeToString()
    await redis.append(key, SEALER.seal(Purpose.ABANDONED_REDEMPTION, code_key(value), newer))

    with pytest.raises(TemporarilyUnavailable):
        await codes.consume(value, HOLDER)

    assert await redis.getrange(key, 0, 0) == b"F"


async def test_a_server_that_forgot_its_scripts_is_told_again(redis: Redis) -> None:
    codes = redis_codes(redis, lifetime=LIFETIME, tombstone=TOMBSTONE)
    value = generate_code()
    await codes.put(value, CODE)
    await redis.script_flush()

    taken = await codes.consume(value, HOLDER)

    assert taken.outcome is RedemptionOutcome.TAKEN


@pytest.mark.requirement("architecture 5: code redemption costs one round trip to Redis")
async def test_taking_a_code_is_one_command(redis: Redis) -> None:
    codes = redis_codes(redis, lifetime=LIFETIME, tombstone=TOMBSTONE)
    await codes.consume(generate_code(), HOLDER)
    value = generate_code()
    await codes.put(value, CODE)
    await redis.config_resetstat()

    await codes.consume(value, HOLDER)

    commands = {name: stat["calls"] for name, stat in (await redis.info("commandstats")).items()}
    sent = {name: calls for name, calls in commands.items() if name.startswith("cmdstat_eval")}
    assert sent == {"cmdstat_evalsha": 1}
