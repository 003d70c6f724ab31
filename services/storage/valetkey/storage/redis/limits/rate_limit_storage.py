"""Where rate limits are counted: the limits library on the connections that everything else here uses."""

from limits.aio.storage import Storage
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


class RateLimitStorage(Storage):
    """Counters in this Redis, whether one server or a Cluster; the library's own would open connections of its own.

    ``pattern`` is the kind of key that they are kept under. Nothing more is counted where ``reserve`` has no room left:
    ``TemporarilyUnavailable``.
    """

    STORAGE_SCHEME = None

    def __init__(self, redis: Redis, pattern: KeyPattern, reserve: MemoryReserve | None = None) -> None:
        super().__init__()
        self._redis = redis
        self._reserve = reserve
        self._prefix = pattern.prefix

    @property
    def base_exceptions(self) -> type[Exception]:
        """What the library may wrap."""
        return RedisError

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count up, in one step; ``expiry`` is in seconds, from the first count."""
        if self._reserve is not None and amount > 0:
            self._reserve.require_room(Kind.COUNT, _BYTES)
        answer = await _INCREMENT.run(self._redis, [self._prefixed(key)], [expiry, amount])
        if not isinstance(answer, int):
            raise RedisError("not a count")
        return answer

    async def get(self, key: str) -> int:
        """The count."""
        return int(await self._redis.get(self._prefixed(key)) or 0)

    async def take(self, key: str) -> int:
        """The count, which begins anew, in one step."""
        answer = await _TAKE.run(self._redis, [self._prefixed(key)], [])
        if not isinstance(answer, int):
            raise RedisError("not a count")
        return answer

    async def get_expiry(self, key: str) -> float:
        """Not supported: responses tell only the length of the window."""
        raise NotImplementedError

    async def check(self) -> bool:
        """Whether Redis answers."""
        return bool(await self._redis.ping())

    async def clear(self, key: str) -> None:
        """Forget this count."""
        await self._redis.delete(self._prefixed(key))

    async def reset(self) -> int | None:
        """Refused: it would take a search through everything."""
        raise NotImplementedError

    def _prefixed(self, key: str) -> str:
        return f"{self._prefix}:{key}"
