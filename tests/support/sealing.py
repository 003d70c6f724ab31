"""Sealing keys of the tests in every state of a rotation, and the stores of values that are sealed with them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from support.wire_values import NOON
from valetkey.core.encoding import b64url_encode
from valetkey.core.sealed_value import SealingKeys, ValueSealer
from valetkey.runtime.settings.keys import sealing_key_list
from valetkey.storage.redis.kept.codes import RedisCodes
from valetkey.storage.redis.limits.code_limits import CodeLimits

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from valetkey.core.ports.clock import Clock

_WORDS = {
    "k1": b64url_encode(bytes(7 * number * number % 251 for number in range(1, 33))),
    "k2": b64url_encode(bytes(11 * number * number % 251 for number in range(1, 33))),
}


def setting_of(state: str) -> str:
    """``plain,k1`` and the like, as VALETKEY_SEALING_KEYS has it."""
    return ",".join(_WORDS.get(word, word) for word in state.split(","))


def keys_of(state: str) -> SealingKeys:
    """What services make of such a setting."""
    return sealing_key_list.parse(setting_of(state))


def sealer_of(state: str) -> ValueSealer:
    """Seals and opens as a service with such a setting does."""
    return ValueSealer(keys_of(state))


SEALER = sealer_of("k1")


def at_noon() -> datetime:
    """When every value of ``wire_values`` was made."""
    return NOON


def redis_codes(
    redis: Redis,
    limits: CodeLimits | None = None,
    /,
    *,
    lifetime: timedelta = timedelta(seconds=60),
    tombstone: timedelta = timedelta(seconds=300),
    sealer: ValueSealer = SEALER,
    clock: Clock = at_noon,
) -> RedisCodes:
    """Where codes of ``wire_values`` can be put and taken."""
    return RedisCodes(redis, limits, lifetime=lifetime, tombstone=tombstone, sealer=sealer, clock=clock)
