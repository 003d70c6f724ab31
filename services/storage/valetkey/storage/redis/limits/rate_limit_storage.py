"""Where rate limits are counted: on the connections that everything else here uses."""

from redis.asyncio import Redis
from redis.exceptions import RedisError

from valetkey.storage.redis.client.script import Script
from valetkey.storage.redis.kept.keyspace import KeyPattern
from valetkey.storage.redis.limits.memory_reserve import Kind, MemoryReserve

# What a count takes, with its key.
_BYTES = 200
_INCREMENT = Script("""
    local count = redis.call('INCRBY', KEYS[1], ARGV[2])
    if count == tonumber(ARGV[2]) then redis.call('EXPIRE', KEYS[1], ARGV[1]) end
    return count
""")
_TAKE = Script("local count = redis.call('GET', KEYS[1]) redis.call('DEL', KEYS[1]) return tonumber(count) or 0")


class RateLimitStorage:
    """Counters in this Redis, whether one server or a Cluster.

    ``pattern`` is the kind of key that they are kept under. Nothing more is counted where ``reserve`` has no room left:
    ``TemporarilyUnavailable``.
    """

    def __init__(self, redis: Redis, pattern: KeyPattern, reserve: MemoryReserve | None = None) -> None:
        self._redis = redis
        self._reserve = reserve
        self._prefix = pattern.prefix

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count up, in one step; ``expiry`` is in seconds, from the first count."""
        if self._reserve is not None and amount > 0:
            self._reserve.require_room(Kind.COUNT, _BYTES)
        answer = await _INCREMENT.run(self._redis, [self._prefixed(key)], [expiry, amount])
        if not isinstance(answer, int):
            raise RedisError("not a count")
        return answer

    async def take(self, key: str) -> int:
        """The count, which begins anew, in one step."""
        answer = await _TAKE.run(self._redis, [self._prefixed(key)], [])
        if not isinstance(answer, int):
            raise RedisError("not a count")
        return answer

    def _prefixed(self, key: str) -> str:
        return f"{self._prefix}:{key}"
