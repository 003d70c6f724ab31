"""Authorization codes: taken by exactly one caller, in one step of Redis. OAuth 2.1 §4.1.3, RFC 6749 §4.1.2.

Redis compares digests of the binding and turns F into S; the rest is sealed, with the digests as associated data. What
that step read tells which part of the binding did not match. F or S itself is not authenticated: a code that is F again
is refused by the primary key of what it was redeemed for.
"""

from datetime import datetime, timedelta
from typing import cast

from redis.asyncio import Redis

from valetkey.core.oauth.authorization_code import (
    AuthorizationCode,
    BindingPart,
    CodeBinding,
    Redemption,
    RedemptionOutcome,
    mismatched_parts,
)
from valetkey.core.ports.clock import Clock
from valetkey.core.sealed_value import VERSION, Purpose, Refusal, ValueRefused, ValueSealer, require_in_time
from valetkey.storage.redis.client.errors import redis_operation
from valetkey.storage.redis.client.script import Script
from valetkey.storage.redis.kept.kept_value import Untrusted
from valetkey.storage.redis.kept.keyspace import code_key
from valetkey.storage.redis.limits.code_limits import CodeLimits
from valetkey.storage.redis.messages import authorization_code_message
from valetkey.storage.redis.messages.wire import UnreadableMessage

_FRESH = b"F"
_NONE_OF_OURS = b"X"
_MILLISECOND = timedelta(milliseconds=1)

_BINDING_BYTES = 64

# A spent code stays as a tombstone for the life of an access token (ARGV[3]), so that a replay is known for what it is.
_CONSUME = Script("""
local value = redis.call('GET', KEYS[1])
if not value then
  return 'U'
end
local state = string.sub(value, 1, 1)
if #value < 65 or (state ~= 'F' and state ~= 'S') then
  return 'X'
end
if string.sub(value, 2, 33) ~= ARGV[1] or (ARGV[2] ~= '' and string.sub(value, 34, 65) ~= ARGV[2]) then
  return 'M' .. string.sub(value, 2)
end
if state == 'S' then
  return 'R' .. string.sub(value, 2)
end
redis.call('SETRANGE', KEYS[1], 0, 'S')
redis.call('PEXPIRE', KEYS[1], redis.call('PTTL', KEYS[1]) + ARGV[3])
return 'T' .. string.sub(value, 2)
""")

# What is left of the code's own life is what is left of the tombstone's, without the part that consume added.
# What is appended has the form of what is there: sealed (ARGV[2]) after what begins like it (ARGV[4]), plain (ARGV[3]).
# A client that redeems in a loop what no token can be made of has a hundred tries: the value stays bounded.
_GIVE_BACK = Script("""
local value = redis.call('GET', KEYS[1])
if not value or string.sub(value, 1, 1) ~= 'S' then
  return 0
end
local left = redis.call('PTTL', KEYS[1]) - ARGV[1]
if left <= 0 or #value > 16384 then
  return 0
end
local is_sealed = string.sub(value, 66, 66) == ARGV[4]
redis.call('SETRANGE', KEYS[1], 0, 'F')
redis.call('APPEND', KEYS[1], is_sealed and ARGV[2] or ARGV[3])
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
    ``limits`` are for the issuer of codes.
    """

    def __init__(
        self,
        redis: Redis,
        limits: CodeLimits | None = None,
        /,
        *,
        lifetime: timedelta,
        tombstone: timedelta,
        sealer: ValueSealer,
        clock: Clock,
    ) -> None:
        self._redis = redis
        self._limits = limits
        self._lifetime = lifetime
        self._tombstone = tombstone
        self._sealer = sealer
        self._clock = clock
        self._untrusted = Untrusted(Purpose.AUTHORIZATION_CODE)

    async def put(self, value: str, code: AuthorizationCode) -> None:
        """Keep the code for its lifetime, under the digest of its value. Raises ``TooManyCodes`` beyond the limits."""
        binding = CodeBinding(code.client_uid, code.code_challenge, code.redirect_uri)
        bound = binding.holder_digest + (binding.redirect_uri_digest or b"")
        key, message = code_key(value), authorization_code_message.to_bytes(code)
        kept = _FRESH + bound + self._sealer.write(Purpose.AUTHORIZATION_CODE, key, message, bound)
        with redis_operation("codes.put"):
            if self._limits is None:
                await self._redis.set(key, kept, px=self._lifetime // _MILLISECOND)
            else:
                await self._limits.put(self._redis, key, kept, code, self._lifetime // _MILLISECOND)

    async def consume(self, value: str, binding: CodeBinding) -> Redemption:
        """TAKEN for exactly one caller, ever; REPLAYED for each that has the same binding after that. RFC 6749 §4.1.2.

        What we have not left there is UNKNOWN, and so is what was left there too long ago. A code that only a newer
        release can read is given back, and ``TemporarilyUnavailable`` raised.
        """
        key = code_key(value)
        arguments = (binding.holder_digest, binding.redirect_uri_digest or b"", self._tombstone // _MILLISECOND)
        outcome = RedemptionOutcome.UNKNOWN
        try:
            with redis_operation("codes.consume"), self._untrusted:
                answer = cast("bytes", await _CONSUME.run(self._redis, [key], arguments))
                if answer[:1] == _NONE_OF_OURS:
                    raise ValueRefused(Refusal.MALFORMED)
                outcome = _OUTCOMES[answer[:1]]
                if outcome is RedemptionOutcome.UNKNOWN:
                    return Redemption(outcome)
                if outcome is RedemptionOutcome.MISMATCHED:
                    return Redemption(outcome, mismatched=self._mismatched(key, answer[1:], binding))
                # Read in here, so that the trace which goes on shows this exchange too.
                code = authorization_code_message.from_bytes(self._open(key, answer[1:]))
                self._require_whole(code, binding, outcome)
                return Redemption(outcome, code)
        except UnreadableMessage:
            if outcome is RedemptionOutcome.TAKEN:
                await self.release(value)
            raise
        return Redemption(RedemptionOutcome.UNKNOWN)

    async def release(self, value: str, unconfirmed_at: datetime | None = None) -> None:
        """Undo ``consume``, within what is left of the code's lifetime."""
        key, sealed, plain = code_key(value), b"", b""
        if unconfirmed_at is not None:
            plain = authorization_code_message.abandoned(unconfirmed_at)
            sealed = self._sealer.seal(Purpose.ABANDONED_REDEMPTION, key, plain)
        arguments = (self._tombstone // _MILLISECOND, sealed, plain, VERSION)
        with redis_operation("codes.release"), self._untrusted:
            await _GIVE_BACK.run(self._redis, [key], arguments)

    def _open(self, key: str, kept: bytes) -> bytes:
        bound, sealed = kept[:_BINDING_BYTES], kept[_BINDING_BYTES:]
        return self._sealer.read(Purpose.AUTHORIZATION_CODE, key, sealed, bound, appended=Purpose.ABANDONED_REDEMPTION)

    def _require_whole(self, code: AuthorizationCode, binding: CodeBinding, outcome: RedemptionOutcome) -> None:
        # The digests that Redis compared are authenticated only where the value is sealed.
        if mismatched_parts(code, binding):
            raise ValueRefused(Refusal.MALFORMED)
        replayed = outcome is RedemptionOutcome.REPLAYED
        require_in_time(code.issued_at, self._lifetime + self._tombstone * replayed, self._clock())

    def _mismatched(self, key: str, kept: bytes, binding: CodeBinding) -> tuple[BindingPart, ...]:
        # The parts are for the log alone: where they cannot be told, the outcome and the answer stay what they are.
        try:
            code = authorization_code_message.from_bytes(self._open(key, kept), continues_trace=False)
        except (ValueRefused, UnreadableMessage):
            return ()
        return mismatched_parts(code, binding)
