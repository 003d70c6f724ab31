"""Every kind of value that is sealed in Redis, every way of reading it, and what comes of one that is refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from support.sealing import redis_codes, sealer_of
from support.wire_values import CODE, INTERACTION, NOON
from valetkey.core.oauth.authorization_code import AuthorizationCode, CodeBinding, RedemptionOutcome
from valetkey.core.oidc.interaction import Interaction
from valetkey.core.sealed_value import Purpose, ValueSealer
from valetkey.runtime.telemetry.metrics import STORED_VALUES_REFUSED
from valetkey.storage.redis.kept.codes import RedisCodes
from valetkey.storage.redis.kept.interactions import RedisInteractions
from valetkey.storage.redis.kept.keyspace import code_key, interaction_key

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from valetkey.runtime.telemetry.audit import AuditEvent

LIFETIME, TOMBSTONE, LOGIN = timedelta(seconds=60), timedelta(minutes=5), timedelta(minutes=15)
TICK = timedelta(microseconds=1)
HOLDER = CodeBinding(CODE.client_uid, CODE.code_challenge, CODE.redirect_uri)
WITHOUT_REDIRECT_URI = replace(HOLDER, redirect_uri=None)
ALWAYS_ABSENT = {RedemptionOutcome.UNKNOWN, RedemptionOutcome.MISMATCHED}


class Hands:
    """A clock whose hands are moved by the test."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@dataclass(frozen=True, slots=True)
class Kept:
    """The stores of one release, with these keys, over one Redis."""

    redis: Redis
    clock: Hands
    state: str = "k1"

    @property
    def sealer(self) -> ValueSealer:
        return sealer_of(self.state)

    @property
    def codes(self) -> RedisCodes:
        return redis_codes(self.redis, lifetime=LIFETIME, tombstone=TOMBSTONE, sealer=self.sealer, clock=self.clock)

    @property
    def interactions(self) -> RedisInteractions:
        return RedisInteractions(self.redis, lifetime=LOGIN, sealer=self.sealer, clock=self.clock)

    def at(self, state: str) -> Kept:
        """The same with other keys."""
        return replace(self, state=state)


# What came of reading, as far as it was there: the thing itself, or None.
Found = AuthorizationCode | Interaction | None
Read = Callable[[Kept, str], Awaitable[Found]]


async def consume(kept: Kept, value: str, binding: CodeBinding = HOLDER) -> AuthorizationCode | None:
    redemption = await kept.codes.consume(value, binding)
    assert (redemption.code is None) == (redemption.outcome in ALWAYS_ABSENT), redemption
    return redemption.code


async def consume_without_redirect_uri(kept: Kept, value: str) -> AuthorizationCode | None:
    return await consume(kept, value, WITHOUT_REDIRECT_URI)


async def find(kept: Kept, interaction_id: str) -> Interaction | None:
    return await kept.interactions.find(interaction_id)


async def take(kept: Kept, interaction_id: str) -> Interaction | None:
    return await kept.interactions.take(interaction_id)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of value, and one way of reading it. ``state`` is what a code begins with."""

    purpose: Purpose
    read: Read
    state: bytes = b""

    @property
    def value(self) -> AuthorizationCode | Interaction:
        return INTERACTION if self.purpose is Purpose.INTERACTION else CODE

    @property
    def lifetime(self) -> timedelta:
        """As long as this value may be read in this way."""
        if self.purpose is Purpose.INTERACTION:
            return LOGIN
        return LIFETIME + TOMBSTONE if self.state == b"S" else LIFETIME

    def key(self, name: str) -> str:
        return interaction_key(name) if self.purpose is Purpose.INTERACTION else code_key(name)

    async def put(self, kept: Kept, name: str) -> bytes:
        """Left there by us; what Redis has."""
        if self.purpose is Purpose.INTERACTION:
            await kept.interactions.put(name, INTERACTION)
        else:
            await kept.codes.put(name, CODE)
        raw = await kept.redis.get(self.key(name))
        assert isinstance(raw, bytes)
        return self.state + raw[len(self.state) :]

    async def read_again(self, kept: Kept, name: str, raw: bytes) -> Found:
        """What is read after an attacker wrote this to Redis."""
        await kept.redis.set(self.key(name), raw, px=60_000)
        return await self.read(kept, name)


READINGS = {
    "code, fresh": Kind(Purpose.AUTHORIZATION_CODE, consume, b"F"),
    "code, fresh, without redirect_uri": Kind(Purpose.AUTHORIZATION_CODE, consume_without_redirect_uri, b"F"),
    "code, spent": Kind(Purpose.AUTHORIZATION_CODE, consume, b"S"),
    "code, spent, without redirect_uri": Kind(Purpose.AUTHORIZATION_CODE, consume_without_redirect_uri, b"S"),
    "interaction, found": Kind(Purpose.INTERACTION, find),
    "interaction, taken": Kind(Purpose.INTERACTION, take),
}


def refused(kind: Kind) -> int:
    """How many values of this kind were refused so far."""
    (family,) = STORED_VALUES_REFUSED.collect()
    return int(sum(sample.value for sample in family.samples if sample.labels["kind"] == kind.purpose))


async def require_refused(kept: Kept, kind: Kind, name: str, raw: bytes, told: list[AuditEvent], reason: str) -> None:
    before = refused(kind)
    told.clear()

    found = await kind.read_again(kept, name, raw)

    assert found is None
    assert refused(kind) == before + 1
    (event,) = told
    assert (event.type, event.outcome) == ("stored_value.refused", "failure")
    assert event.reason.startswith(f"{kind.purpose} in Redis ")
    assert reason in event.reason
