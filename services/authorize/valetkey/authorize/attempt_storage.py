"""Where attempts are counted: the limits library on the connections that everything else here uses."""

from typing import Any

from limits.aio.storage import RedisStorage
from redis.asyncio import Redis

from valetkey.runtime.redis.keyspace import LOGIN_ATTEMPTS


def attempt_storage(redis: Redis) -> RedisStorage:
    """Counters in this Redis."""
    # The library annotates its options more narrowly than it uses them.
    options: dict[str, Any] = {"connection_pool": redis.connection_pool}
    # With a pool given, only the scheme of the address counts.
    return RedisStorage("async+redis://", implementation="redispy", key_prefix=LOGIN_ATTEMPTS.prefix, **options)
