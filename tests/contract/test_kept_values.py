"""What Redis keeps for us is believed only where we left it, as we left it, for as long as it was meant to live.

Every kind of value against everything that can be done to it by writing to Redis, and every way of reading it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from support.kept_values import HOLDER, READINGS, WITHOUT_REDIRECT_URI, Kept, Kind, consume, find, require_refused
from support.sealing import SEALER, sealer_of
from support.wire_values import CODE, INTERACTION, NOON
from valetkey.core.clock_tolerance import CLOCK_TOLERANCE
from valetkey.core.oauth.authorization_code import (
    CodeBinding,
    Redemption,
    RedemptionOutcome,
    generate_code,
)
from valetkey.core.sealed_value import Purpose
from valetkey.runtime.telemetry.audit import AuditEvent
from valetkey.storage.redis.kept.keyspace import code_key, interaction_key
from valetkey.storage.redis.messages import authorization_code_message, interaction_message

# A client, and a verifier, of an attacker that writes to Redis.
THIEF = CodeBinding(CODE.authorization_id, CODE.code_challenge[::-1], CODE.redirect_uri)
BINDING = slice(1, 65)
TICK = timedelta(microseconds=1)


@pytest.fixture(params=READINGS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return READINGS[request.param]


ALTERED, NOT_SEALED, NONE_OF_OURS, TOO_OLD = "was altered", "is not sealed", "is nothing that we write", "is older"


@pytest.mark.requirement("security 55b: a value in Redis that we left there is believed")
async def test_what_we_left_is_read_and_nothing_is_told(kept: Kept, kind: Kind, told: list[AuditEvent]) -> None:
    raw = await kind.put(kept, "name")

    assert await kind.read_again(kept, "name", raw) == kind.value
    assert told == []


@pytest.mark.requirement("security 55b: a value that was changed is as if it were not there")
async def test_with_any_byte_changed_it_is_as_if_it_were_not_there(
    kept: Kept, kind: Kind, told: list[AuditEvent]
) -> None:
    raw = await kind.put(kept, "name")

    for place in range(len(raw)):
        told.clear()
        changed = raw[:place] + bytes([raw[place] ^ 1 << place % 8]) + raw[place + 1 :]
        assert await kind.read_again(kept, "name", changed) is None, place
        # Where the script in Redis sees that the binding is another one, no event tells why.
        assert len(told) == 1 or (kind.state and place in range(65)), place


@pytest.mark.requirement("security 55b: a value that was changed is as if it were not there")
@pytest.mark.parametrize("more", [b"", b"\0", b"\x01", b"\x01\0\0\0\0", b"\n"])
async def test_cut_off_anywhere_it_is_as_if_it_were_not_there(
    kept: Kept, kind: Kind, told: list[AuditEvent], more: bytes
) -> None:
    raw = await kind.put(kept, "name")

    for length in range(len(raw)):
        # The last byte of a tag may be the very one that is put in its place.
        if raw[:length] + more != raw:
            assert await kind.read_again(kept, "name", raw[:length] + more) is None, length
    if more:
        await require_refused(kept, kind, "name", raw + more, told, ALTERED)


@pytest.mark.requirement("security 55b: a value opens in its own place only")
async def test_under_another_key_of_its_kind_it_is_as_if_it_were_not_there(
    kept: Kept, kind: Kind, told: list[AuditEvent]
) -> None:
    raw = await kind.put(kept, "name")
    await kind.put(kept, "another")

    await require_refused(kept, kind, "another", raw, told, ALTERED)
    assert await kind.read_again(kept, "name", raw) == kind.value


@pytest.mark.requirement("security 55b: a value opens in its own place only")
@pytest.mark.parametrize("code", ["code, fresh", "code, spent"])
@pytest.mark.parametrize("interaction", ["interaction, found", "interaction, taken"])
async def test_what_is_sealed_as_another_kind_is_as_if_it_were_not_there(
    kept: Kept, told: list[AuditEvent], code: str, interaction: str
) -> None:
    of_code, of_interaction = READINGS[code], READINGS[interaction]
    a_code, an_interaction = await of_code.put(kept, "name"), await of_interaction.put(kept, "name")
    bound = a_code[:65]

    # Moved there as it is, and sealed for the other purpose under the very name of this one.
    key, message = of_interaction.key("name"), interaction_message.to_bytes(INTERACTION)
    sealed_as_code = SEALER.seal(Purpose.AUTHORIZATION_CODE, key, message)
    for raw in (a_code[65:], sealed_as_code):
        await require_refused(kept, of_interaction, "name", raw, told, ALTERED)
    key, message = of_code.key("name"), authorization_code_message.to_bytes(CODE)
    sealed_as_interaction = SEALER.seal(Purpose.INTERACTION, key, message, bound[1:])
    for raw in (bound + an_interaction, bound + sealed_as_interaction):
        await require_refused(kept, of_code, "name", raw, told, ALTERED)
    await require_refused(kept, of_interaction, "name", a_code, told, NOT_SEALED)
    await require_refused(kept, of_code, "name", an_interaction, told, NONE_OF_OURS)


@pytest.mark.requirement("security 55b: a code that was bound to another client is as if it were not there")
@pytest.mark.parametrize("state", [b"F", b"S"])
@pytest.mark.parametrize("presented", [THIEF, replace(THIEF, redirect_uri=None)], ids=["whole", "without redirect_uri"])
async def test_a_code_cannot_be_bound_to_another_client_or_verifier(
    kept: Kept, told: list[AuditEvent], state: bytes, presented: CodeBinding
) -> None:
    value = generate_code()
    await kept.codes.put(value, CODE)
    raw = await kept.redis.get(code_key(value))
    assert isinstance(raw, bytes)
    assert THIEF.redirect_uri_digest is not None
    await kept.redis.set(code_key(value), state + THIEF.holder_digest + THIEF.redirect_uri_digest + raw[65:])

    stolen = await kept.codes.consume(value, presented)

    assert stolen == Redemption(RedemptionOutcome.UNKNOWN)
    assert [event.type for event in told] == ["stored_value.refused"]


async def test_a_code_cannot_be_bound_to_another_redirect_uri_alone(kept: Kept, told: list[AuditEvent]) -> None:
    value = generate_code()
    await kept.codes.put(value, CODE)
    moved = replace(HOLDER, redirect_uri="https://thief.example/cb")
    assert moved.redirect_uri_digest is not None
    await kept.redis.setrange(code_key(value), 33, moved.redirect_uri_digest)

    with_it = await kept.codes.consume(value, moved)
    assert (with_it, len(told)) == (Redemption(RedemptionOutcome.UNKNOWN), 1)
    assert await kept.codes.consume(value, WITHOUT_REDIRECT_URI) == Redemption(RedemptionOutcome.UNKNOWN)
    assert await kept.codes.consume(value, HOLDER) == Redemption(RedemptionOutcome.MISMATCHED)


@pytest.mark.requirement("security 55b: a value is not good for longer than its lifetime, whatever the store says")
async def test_put_back_after_its_life_it_is_as_if_it_were_not_there(
    kept: Kept, kind: Kind, told: list[AuditEvent]
) -> None:
    raw = await kind.put(kept, "name")

    kept.clock.now = NOON + kind.lifetime + CLOCK_TOLERANCE
    assert await kind.read_again(kept, "name", raw) == kind.value
    kept.clock.now += TICK
    await require_refused(kept, kind, "name", raw, told, TOO_OLD)
    kept.clock.now = NOON - CLOCK_TOLERANCE
    assert await kind.read_again(kept, "name", raw) == kind.value
    kept.clock.now -= TICK
    await require_refused(kept, kind, "name", raw, told, "dated in the future")


@pytest.mark.requirement("security 55b: only who has the key can make a value")
@pytest.mark.parametrize("state", ["k2", "k2,k1", "plain", "plain,k1"])
async def test_sealed_with_another_key_or_with_none_it_is_as_if_it_were_not_there(
    kept: Kept, kind: Kind, told: list[AuditEvent], state: str
) -> None:
    raw = await kind.put(kept.at(state), "name")

    await require_refused(kept, kind, "name", raw, told, NOT_SEALED if state.startswith("plain") else ALTERED)


@pytest.mark.parametrize("state", ["k1,plain", "plain,k1", "plain"])
async def test_in_a_transition_plain_values_are_read_and_nothing_else_is(
    kept: Kept, kind: Kind, told: list[AuditEvent], state: str
) -> None:
    raw = await kind.put(kept.at("plain"), "name")
    unknown = await kind.put(kept.at("k2"), "name")

    assert await kind.read_again(kept.at(state), "name", raw) == kind.value
    assert told == []
    await require_refused(kept.at(state), kind, "name", unknown, told, ALTERED)
    # Half of a message is none; which half says what cannot be told where nothing is sealed.
    for length in range(len(raw)):
        await kind.read_again(kept.at(state), "name", raw[:length])
    await require_refused(kept.at(state), kind, "name", raw[:-1], told, NONE_OF_OURS)


@pytest.mark.parametrize("state", ["k1", "k1,plain", "plain"])
async def test_what_is_no_string_is_as_if_it_were_not_there(
    kept: Kept, kind: Kind, told: list[AuditEvent], state: str
) -> None:
    await kept.redis.rpush(kind.key("name"), "x")

    assert await kind.read(kept.at(state), "name") is None
    assert [event.type for event in told] == ["stored_value.refused"]
    assert NONE_OF_OURS in told[0].reason


async def test_a_key_that_is_no_string_is_overwritten(kept: Kept) -> None:
    for key in (code_key("code"), interaction_key("interaction")):
        await kept.redis.rpush(key, "x")

    await kept.codes.release("code", NOON)
    await kept.codes.put("code", CODE)
    await kept.interactions.put("interaction", INTERACTION)

    assert await consume(kept, "code") == CODE
    assert await find(kept, "interaction") == INTERACTION


LATER = NOON + timedelta(seconds=1)


@pytest.mark.requirement("security 55b: what a redemption leaves beside a code is authenticated too")
@pytest.mark.parametrize("forged", ["plain", "another key", "another code", "as a code", "twice the code"])
async def test_an_authorization_cannot_be_taken_over_through_redis(
    kept: Kept, told: list[AuditEvent], forged: str
) -> None:
    value, other = generate_code(), generate_code()
    await kept.codes.put(value, CODE)
    key, abandoned = code_key(value), authorization_code_message.abandoned(LATER)
    raw = await kept.redis.get(key)
    assert isinstance(raw, bytes)
    await kept.redis.append(
        key,
        {
            "plain": abandoned,
            "another key": sealer_of("k2").seal(Purpose.ABANDONED_REDEMPTION, key, abandoned),
            "another code": SEALER.seal(Purpose.ABANDONED_REDEMPTION, code_key(other), abandoned),
            "as a code": SEALER.seal(Purpose.AUTHORIZATION_CODE, key, abandoned, raw[BINDING]),
            "twice the code": raw[65:],
        }[forged],
    )

    assert await kept.codes.consume(value, HOLDER) == Redemption(RedemptionOutcome.UNKNOWN)
    assert [event.type for event in told] == ["stored_value.refused"]


@pytest.mark.requirement("security 51: no nonce, state, login hint or subject in Redis")
async def test_redis_sees_nothing_of_what_a_code_or_a_login_says(kept: Kept) -> None:
    await kept.codes.put("code", CODE)
    await kept.interactions.put("interaction", INTERACTION)
    await kept.codes.consume("code", HOLDER)
    await kept.codes.release("code", LATER)

    raw = b"".join(
        [value async for key in kept.redis.scan_iter() if isinstance(value := await kept.redis.get(key), bytes)]
    )

    request = INTERACTION.request
    texts = [CODE.nonce, CODE.redirect_uri, *CODE.scope, request.login_hint, request.redirect.state]
    identifiers = [CODE.authentication.subject, CODE.client_uid, CODE.authorization_id, CODE.authentication.session_id]
    assert not [text for text in texts if text and text.encode() in raw]
    assert not [each for each in identifiers if each.bytes in raw]
    assert authorization_code_message.to_bytes(CODE)[:8] not in raw
