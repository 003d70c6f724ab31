"""How full Redis is, as it counts itself when it decides whether to refuse a write."""

from __future__ import annotations

from typing import NamedTuple

from redis import exceptions
from redis.asyncio import Redis

from valetkey.storage.redis.client.cluster import ClusterRedis

NOEVICTION = "noeviction"


class Memory(NamedTuple):
    """Bytes that are ``used`` of the ``most`` that there may be, 0 for no limit, and what is done beyond it."""

    used: int
    most: int
    policy: str

    @property
    def is_limited(self) -> bool:
        """Whether more than that is refused; otherwise there is no limit, or keys are dropped to keep it."""
        return self.most > 0 and self.policy == NOEVICTION

    @property
    def share(self) -> float:
        """How much of it is used, from 0 to 1; 0 without a limit."""
        return self.used / self.most if self.most else 0.0


async def memory_of(redis: Redis) -> Memory:
    """The memory of one server. Raises redis-py's errors, ``ResponseError`` where ``INFO`` is not allowed."""
    found = await redis.info("memory")
    # What is not counted: buffers for replicas and the append-only file, which writes themselves make grow.
    used = int(found["used_memory"]) - int(found.get("mem_not_counted_for_evict", 0))
    return Memory(used, int(found.get("maxmemory", 0)), str(found.get("maxmemory_policy", "")))


async def fullest(redis: Redis) -> Memory:
    """The memory of the server, or of that master of a Cluster which is fullest. Raises redis-py's errors."""
    if not isinstance(redis, ClusterRedis):
        return await memory_of(redis)
    masters = await redis.nodes.known_masters()
    if not masters:
        raise exceptions.ClusterDownError("no master is known")
    return max([await memory_of(redis.nodes.client(node)) for node in masters], key=lambda memory: memory.share)
