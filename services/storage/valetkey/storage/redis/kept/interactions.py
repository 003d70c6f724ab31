"""Authorization requests waiting for their users."""

from datetime import timedelta
from typing import cast

from redis.asyncio import Redis

from valetkey.core.oidc.interaction import Interaction
from valetkey.core.ports.clock import Clock
from valetkey.core.sealed_value import Purpose, ValueSealer, require_in_time
from valetkey.storage.redis.client.errors import redis_operation
from valetkey.storage.redis.client.script import Script
from valetkey.storage.redis.kept.kept_value import Untrusted
from valetkey.storage.redis.kept.keyspace import interaction_key
from valetkey.storage.redis.messages import interaction_message

_MILLISECOND = timedelta(milliseconds=1)
_TAKEN = b""

# A second tab that was still busy must not bring back what the first one has finished.
_PUT = Script("""
if redis.pcall('GET', KEYS[1]) == '' then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
""")


class RedisInteractions:
    """``InteractionStore``. ``lifetime`` is how long a login may take, from the interaction's ``created_at``."""

    def __init__(self, redis: Redis, *, lifetime: timedelta, sealer: ValueSealer, clock: Clock) -> None:
        self._redis = redis
        self._lifetime = lifetime
        self._sealer = sealer
        self._clock = clock
        self._untrusted = Untrusted(Purpose.INTERACTION)

    async def put(self, interaction_id: str, interaction: Interaction) -> None:
        """Keep it for the login lifetime, or replace it without prolonging that; nothing if it has been taken."""
        left = (interaction.created_at + self._lifetime - self._clock()) // _MILLISECOND
        if left <= 0:
            return
        key = interaction_key(interaction_id)
        kept = self._sealer.write(Purpose.INTERACTION, key, interaction_message.to_bytes(interaction))
        with redis_operation("interactions.put"):
            await _PUT.run(self._redis, [key], [kept, left])

    async def find(self, interaction_id: str) -> Interaction | None:
        """The interaction, or None once it has been taken or has expired, and for what we have not left there."""
        key = interaction_key(interaction_id)
        with redis_operation("interactions.find"), self._untrusted:
            kept = await self._redis.get(key)
            # Read in here, so that the trace which goes on shows this exchange too.
            return self._read(key, cast("bytes | None", kept))
        return None

    async def take(self, interaction_id: str) -> Interaction | None:
        """The interaction, for exactly one caller, ever."""
        key = interaction_key(interaction_id)
        with redis_operation("interactions.take"), self._untrusted:
            kept = await self._redis.set(key, _TAKEN, xx=True, keepttl=True, get=True)
            return self._read(key, cast("bytes | None", kept))
        return None

    def _read(self, key: str, kept: bytes | None) -> Interaction | None:
        if not kept:
            return None
        interaction = interaction_message.from_bytes(self._sealer.read(Purpose.INTERACTION, key, kept))
        require_in_time(interaction.created_at, self._lifetime, self._clock())
        return interaction
