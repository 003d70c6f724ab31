"""How many requests each client has sent to all replicas in a window: reported in batches, one round trip for many."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, cast

from valetkey.storage.redis.client.errors import redis_operation
from valetkey.storage.redis.client.script import Script
from valetkey.storage.redis.kept.keyspace import CLIENT_RATES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from redis.asyncio import Redis

BATCH = 500
# Without a client there is nothing to add; the first to add gives the key its end.
_ADD = Script(
    """
    local totals = {}
    for index, key in ipairs(KEYS) do
        totals[index] = redis.call('INCRBY', key, ARGV[index + 1])
        if totals[index] == tonumber(ARGV[index + 1]) then
            redis.call('EXPIRE', key, ARGV[1])
        end
    end
    return totals
    """
)


class ClientRates:
    """Totals per client and window of one service. All keys lie on one node of a Cluster: one script suffices."""

    def __init__(self, redis: Redis, service: str) -> None:
        self._redis = redis
        self._service = service

    async def add(self, window: int, lifetime: int, counted: Mapping[str, int]) -> dict[str, int]:
        """Add what was ``counted`` by ``client_id`` in the window of this number; the totals of all replicas.

        ``lifetime`` is in seconds. Raises ``TemporarilyUnavailable`` if Redis is away.
        """
        totals: dict[str, int] = {}
        everybody = list(counted.items())
        for first in range(0, len(everybody), BATCH):
            clients = everybody[first : first + BATCH]
            keys = [self._key(window, client_id) for client_id, _ in clients]
            with redis_operation("client_rates"):
                answer = await _ADD.run(self._redis, keys, [lifetime, *(number for _, number in clients)])
            totals |= zip((client_id for client_id, _ in clients), cast("list[int]", answer), strict=True)
        return totals

    def _key(self, window: int, client_id: str) -> str:
        digest = hashlib.sha256(client_id.encode()).hexdigest()
        return f"{CLIENT_RATES.prefix}{self._service}:{window}:{digest}"
