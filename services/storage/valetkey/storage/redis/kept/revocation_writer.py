"""Writes revocations, for the process that revokes and for the one that loads them all.

Both write at the same time, in any order, from any replica. So a record only ever grows: what is kept is the later
``revoked_at``, for the longer time. PostgreSQL moves ``revoked_at`` on with every epoch, so the later one has the
higher epoch, whatever clocks say.
"""

import struct
from collections.abc import Sequence
from datetime import timedelta

from redis.asyncio import Redis

from valetkey.core.oauth.revocation import REVOCATION_MARGIN, Revocation
from valetkey.core.ports.clock import Clock
from valetkey.storage.redis.client.connection import write_for_everybody
from valetkey.storage.redis.client.errors import redis_operation
from valetkey.storage.redis.client.script import Argument, Script
from valetkey.storage.redis.kept.keyspace import REVOCATIONS_LOADED, revocation_key
from valetkey.storage.redis.messages import revocation_message
from valetkey.storage.redis.messages.wire import to_microseconds

MARKER = REVOCATIONS_LOADED.prefix
LEASE = timedelta(seconds=10)

_ORDER = struct.Struct(">Q")
_MILLISECOND = timedelta(milliseconds=1)

# KEYS: the marker, then one key per revocation. ARGV: the loader ('' from a revocation) and the lease in
# milliseconds, then per key its value and its life in milliseconds.
_WRITE = Script("""
if ARGV[1] ~= '' then
  if redis.call('GET', KEYS[1]) ~= ARGV[1] then
    return 0
  end
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
for i = 2, #KEYS do
  local value, life = ARGV[2 * i - 1], tonumber(ARGV[2 * i])
  local known = redis.call('GET', KEYS[i])
  if known then
    life = math.max(life, redis.call('PTTL', KEYS[i]))
    if struct.unpack('>I8', known) > struct.unpack('>I8', value) then
      value = known
    end
  end
  redis.call('SET', KEYS[i], value, 'PX', life)
end
return 1
""")

_BEGIN = Script("""
local marker = redis.call('GET', KEYS[1])
if marker and (marker == ARGV[1] or string.sub(marker, 1, 8) == 'loading:') then
  return 0
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
""")

_FINISH = Script("""
if redis.call('GET', KEYS[1]) ~= ARGV[2] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1])
return 1
""")

_GIVE_UP = Script("""
if redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('DEL', KEYS[1])
end
""")


class RevocationWriter:
    """Writes revocations, and the marker that says whether all of them are there."""

    def __init__(self, redis: Redis, clock: Clock) -> None:
        self._redis = redis
        self._clock = clock

    async def write(self, revocations: Sequence[Revocation], loader: str = "") -> bool:
        """Keep these until what they revoke has expired; False, with nothing kept, if ``loader`` lost its lease."""
        now = self._clock()
        keys: list[str] = [MARKER]
        arguments: list[Argument] = [loader, LEASE // _MILLISECOND]
        for revocation in revocations:
            life = (revocation.expires_at - now + REVOCATION_MARGIN) // _MILLISECOND
            if life > 0:
                keys.append(revocation_key(revocation.target))
                arguments += (to_value(revocation), life)
        with redis_operation("revocations.write"):
            if loader:
                return bool(await _WRITE.run(self._redis, keys, arguments))
            return bool(await write_for_everybody(self._redis, lambda redis: _WRITE.run(redis, keys, arguments)))

    async def begin(self, identity: str, loader: str) -> bool:
        """Take the lease for loading; False if another process has it, or all is loaded."""
        with redis_operation("revocations.load"):
            return bool(await _BEGIN.run(self._redis, [MARKER], [identity, loader, LEASE // _MILLISECOND]))

    async def finish(self, identity: str, loader: str) -> bool:
        """Say that all is loaded; False if the turn was lost, as after a flush."""
        with redis_operation("revocations.load"):
            return bool(await _FINISH.run(self._redis, [MARKER], [identity, loader]))

    async def give_up(self, loader: str) -> None:
        """Release the lease, so that another process can load."""
        with redis_operation("revocations.load"):
            await _GIVE_UP.run(self._redis, [MARKER], [loader])

    async def distrust(self) -> None:
        """Make every reader ask PostgreSQL until all is loaded again."""
        with redis_operation("revocations.distrust"):
            await self._redis.delete(MARKER)


def to_value(revocation: Revocation) -> bytes:
    """What is kept under the revocation's key: a number for scripts to compare, and the message."""
    return _ORDER.pack(to_microseconds(revocation.revoked_at)) + revocation_message.to_bytes(revocation)


def message_of(value: bytes) -> bytes:
    """The message in what is kept."""
    return value[_ORDER.size :]
