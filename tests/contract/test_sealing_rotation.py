"""Sealing keys are exchanged, and brought in, while codes and logins are under way."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from support.kept_values import HOLDER, Kept, consume
from support.sealing import SEALER
from support.wire_values import CODE, INTERACTION, NOON
from valetkey.core.oauth.authorization_code import Redemption, RedemptionOutcome, generate_code
from valetkey.core.sealed_value import Purpose
from valetkey.runtime.telemetry.audit import AuditEvent
from valetkey.storage.redis.kept.keyspace import code_key
from valetkey.wire.v1.authorization_code_pb2 import AuthorizationCode as AuthorizationCodeMessage

LATER, TICK = NOON + timedelta(seconds=1), timedelta(microseconds=1)


# What follows what in a rotation, there and back.
ROTATION = ["plain", "plain,k1", "k1,plain", "k1", "k1,k2", "k2,k1", "k2"]
NEIGHBOURS = [(a, b) for a in ROTATION for b in ROTATION if abs(ROTATION.index(a) - ROTATION.index(b)) <= 1]


@pytest.mark.requirement("operations: sealing keys are exchanged without losing what is under way")
@pytest.mark.parametrize(("old", "new"), NEIGHBOURS, ids="->".join)
async def test_what_one_state_of_a_rotation_leaves_the_next_goes_on_with(
    kept: Kept, told: list[AuditEvent], old: str, new: str
) -> None:
    before, after, value = kept.at(old), kept.at(new), generate_code()
    await before.codes.put(value, CODE)
    await before.interactions.put("interaction", INTERACTION)

    # Abandoned by either, taken and replayed by the other.
    for place, abandoned_by in enumerate((after, before)):
        assert await consume(before, value) is not None
        await abandoned_by.codes.release(value, LATER + place * TICK)
    taken = await after.codes.consume(value, HOLDER)
    replayed = await before.codes.consume(value, HOLDER)
    await after.interactions.put("interaction", INTERACTION.logged_in(CODE.authorization_id))
    found = await before.interactions.find("interaction")

    expected = replace(CODE, unconfirmed_at=(LATER, LATER + TICK))
    assert taken == Redemption(RedemptionOutcome.TAKEN, expected)
    assert replayed == Redemption(RedemptionOutcome.REPLAYED, expected)
    assert found == await after.interactions.take("interaction") == INTERACTION.logged_in(CODE.authorization_id)
    assert told == []


async def test_what_was_given_back_by_a_service_without_the_key_stays_refused(kept: Kept) -> None:
    value = generate_code()
    await kept.codes.put(value, CODE)

    refused_there = await kept.at("plain").codes.consume(value, HOLDER)
    await kept.at("plain").codes.release(value, LATER)

    assert refused_there == Redemption(RedemptionOutcome.UNKNOWN)
    assert await consume(kept, value) == CODE


@pytest.mark.parametrize("state", ["k1", "k1,plain", "plain"])
async def test_a_message_for_a_newer_release_is_left_for_it_and_not_told_of(
    kept: Kept, told: list[AuditEvent], state: str
) -> None:
    here, value = kept.at(state), generate_code()
    key, newer = code_key(value), AuthorizationCodeMessage(min_reader=99).SerializeToString()
    await here.codes.put(value, CODE)
    await kept.redis.append(key, newer if state == "plain" else SEALER.seal(Purpose.ABANDONED_REDEMPTION, key, newer))

    with pytest.raises(Exception, match="newer release"):
        await here.codes.consume(value, HOLDER)

    assert await kept.redis.getrange(key, 0, 0) == b"F"
    assert told == []
