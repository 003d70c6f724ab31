"""Authorization requests waiting for their users."""

from datetime import timedelta
from typing import cast

from redis.asyncio import Redis

from valetkey.core.interaction import Interaction
from valetkey.core.ports import Clock
from valetkey.runtime.redis import interaction_message
from valetkey.runtime.redis.errors import redis_operation
from valetkey.runtime.redis.keyspace import interaction_key
from valetkey.runtime.redis.script import Script

_MILLISECOND = timedelta(milliseconds=1)
_TAKEN = b""

# A second tab that was still busy must not bring back what the first one has finished.
_PUT = Script("""
if redis.call('GET', KEYS[1]) == '' then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
""")


class RedisInteractions:
    """``InteractionStore``. ``lifetime`` is how long a login may take, from the interaction's ``created_at``."""

    def __init__(self, redis: Redis, *, lifetime: timedelta, clock: Clock) -> None:
        self._redis = redis
        self._lifetime = lifetime
        self._clock = clock

    async def put(self, interaction_id: str, interaction: Interaction) -> None:
        """Keep it for the login lifetime, or replace it without prolonging that; nothing if it has been taken."""
        left = (interaction.created_at + self._lifetime - self._clock()) // _MILLISECOND
        if left <= 0:
            return
        kept = interaction_message.to_bytes(interaction)
        with redis_operation("interactions.put"):
            await _PUT.run(self._redis, [interaction_key(interaction_id)], [kept, left])

    async def find(self, interaction_id: str) -> Interaction | None:
        """The interaction, or None once it has been taken or has expired."""
        with redis_operation("interactions.find"):
            kept = await self._redis.get(interaction_key(interaction_id))
            # Read in here, so that the trace which goes on shows this exchange too.
            return _interaction(cast("bytes | None", kept))

    async def take(self, interaction_id: str) -> Interaction | None:
        """The interaction, for exactly one caller, ever."""
        with redis_operation("interactions.take"):
            kept = await self._redis.set(interaction_key(interaction_id), _TAKEN, xx=True, keepttl=True, get=True)
        return _interaction(cast("bytes | None", kept))


def _interaction(kept: bytes | None) -> Interaction | None:
    return interaction_message.from_bytes(kept) if kept else None
