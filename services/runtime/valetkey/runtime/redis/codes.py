"""Authorization codes: taken by exactly one caller, in one step of Redis. OAuth 2.1 §4.1.3, RFC 6749 §4.1.2."""

import hashlib
from datetime import datetime, timedelta
from typing import cast

from redis.asyncio import Redis

from valetkey.core.authorization_code import (
    AuthorizationCode,
    CodeBinding,
    Redemption,
    RedemptionOutcome,
    code_binding,
)
from valetkey.runtime.redis import authorization_code_message
from valetkey.runtime.redis.errors import redis_operation
from valetkey.runtime.redis.keyspace import code_key
from valetkey.runtime.redis.script import Script
from valetkey.runtime.redis.wire import UnreadableMessage

_FRESH = b"F"
_MILLISECOND = timedelta(milliseconds=1)

# A spent code stays as a tombstone for the life of an access token (ARGV[3]), so that a replay is known for what it is.
_CONSUME = Script("""
local value = redis.call('GET', KEYS[1])
if not value then
  return 'U'
end
if string.sub(value, 2, 33) ~= ARGV[1] or (ARGV[2] ~= '' and string.sub(value, 34, 65) ~= ARGV[2]) then
  return 'M'
end
if string.sub(value, 1, 1) == 'S' then
  return 'R' .. string.sub(value, 66)
end
redis.call('SETRANGE', KEYS[1], 0, 'S')
redis.call('PEXPIRE', KEYS[1], redis.call('PTTL', KEYS[1]) + ARGV[3])
return 'T' .. string.sub(value, 66)
""")

# What is left of the code's own life is what is left of the tombstone's, without the part that consume added.
_GIVE_BACK = Script("""
local value = redis.call('GET', KEYS[1])
if not value or string.sub(value, 1, 1) ~= 'S' then
  return 0
end
local left = redis.call('PTTL', KEYS[1]) - ARGV[1]
if left <= 0 then
  return 0
end
redis.call('SETRANGE', KEYS[1], 0, 'F')
redis.call('APPEND', KEYS[1], ARGV[2])
redis.call('PEXPIRE', KEYS[1], left)
return 1
""")

_OUTCOMES = {
    b"T": RedemptionOutcome.TAKEN,
    b"R": RedemptionOutcome.REPLAYED,
    b"M": RedemptionOutcome.MISMATCHED,
    b"U": RedemptionOutcome.UNKNOWN,
}


class RedisCodes:
    """``CodeIssuer`` and ``CodeRedeemer``.

    ``lifetime`` is the code's, ``tombstone`` how much longer a spent code is remembered: the life of an access token.
    """

    def __init__(self, redis: Redis, *, lifetime: timedelta, tombstone: timedelta) -> None:
        self._redis = redis
        self._lifetime = lifetime // _MILLISECOND
        self._tombstone = tombstone // _MILLISECOND

    async def put(self, value: str, code: AuthorizationCode) -> None:
        """Keep the code for its lifetime, under the digest of its value."""
        binding = code_binding(code.client_uid, code.code_challenge, code.redirect_uri)
        redirect_uri = binding.redirect_uri or hashlib.sha256(b"").digest()
        kept = _FRESH + binding.holder + redirect_uri + authorization_code_message.to_bytes(code)
        with redis_operation("codes.put"):
            await self._redis.set(code_key(value), kept, px=self._lifetime)

    async def consume(self, value: str, binding: CodeBinding) -> Redemption:
        """TAKEN for exactly one caller, ever; REPLAYED for whoever holds the binding after that. RFC 6749 §4.1.2.

        A code that only a newer release can read is given back, and ``TemporarilyUnavailable`` raised.
        """
        arguments = (binding.holder, binding.redirect_uri or b"", self._tombstone)
        outcome = RedemptionOutcome.UNKNOWN
        try:
            with redis_operation("codes.consume"):
                answer = cast("bytes", await _CONSUME.run(self._redis, [code_key(value)], arguments))
                outcome = _OUTCOMES[answer[:1]]
                if outcome not in (RedemptionOutcome.TAKEN, RedemptionOutcome.REPLAYED):
                    return Redemption(outcome)
                # Read in here, so that the trace which goes on shows this exchange too.
                return Redemption(outcome, authorization_code_message.from_bytes(answer[1:]))
        except UnreadableMessage:
            if outcome is RedemptionOutcome.TAKEN:
                await self.give_back(value)
            raise

    async def give_back(self, value: str, abandoned_at: datetime | None = None) -> None:
        """Undo ``consume``, within what is left of the code's lifetime."""
        abandoned = b"" if abandoned_at is None else authorization_code_message.abandoned(abandoned_at)
        with redis_operation("codes.give_back"):
            await _GIVE_BACK.run(self._redis, [code_key(value)], [self._tombstone, abandoned])
