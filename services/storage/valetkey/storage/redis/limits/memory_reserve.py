"""Redis memory reserved for writes that must never fail: interactions, codes and counts stop short of it.

Redis itself refuses every write alike once it is full, and then nothing could be revoked any more. So the writer of an
interaction, a code or a count asks here first. The last ``share`` of ``maxmemory`` is for revocations; the half of that
before it is for logins under way: they may still be counted and get a code, while no other login begins.
"""

from __future__ import annotations

import logging
import random
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from redis import exceptions

from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.runtime.lifecycle.poller import Poller
from valetkey.runtime.telemetry.metrics import REDIS_MEMORY_MAX, REDIS_MEMORY_USED, REDIS_RESERVE_REFUSALS
from valetkey.storage.redis.client.errors import redis_operation
from valetkey.storage.redis.client.memory import Memory, fullest

if TYPE_CHECKING:
    from redis.asyncio import Redis

_logger = logging.getLogger(__name__)
INTERVAL_SECONDS = 1.0
RETRY_AFTER = 30
# A replica looks again before it has written this part of what was left, so that sixteen of them do not overrun it.
_PART = 16
_LEAST = 128 << 10


class Kind(StrEnum):
    """What others than operators make us keep."""

    INTERACTION = "interaction"
    CODE = "code"
    COUNT = "count"


class StoreIsFull(TemporarilyUnavailable):
    """Only the reserve is left in Redis. What is there expires within minutes."""


class MemoryReserve:
    """Asks Redis once a second how full it is, and refuses what would use up the reserve.

    Nothing is refused while that is unknown, where ``maxmemory`` is not set, where keys are evicted instead, and with
    a ``share`` of 0.
    """

    def __init__(self, redis: Redis, share: float) -> None:
        self._redis = redis
        self._shares = {kind: 1 - share * (1.5 if kind is Kind.INTERACTION else 1) for kind in Kind}
        self._is_wanted = share > 0
        self._left: dict[Kind, int] | None = None
        self._written = 0
        self._look_at = 0
        # So that replicas which started together do not ask together for ever.
        interval = timedelta(seconds=INTERVAL_SECONDS * random.uniform(0.8, 1.2))  # noqa: S311 - no secret
        self._poller = Poller(self._look, interval, "redis-memory")

    async def start(self) -> None:
        """Try to read once, then poll."""
        await self._poller.start()

    async def close(self) -> None:
        """Stop."""
        await self._poller.close()

    def require_room(self, kind: Kind, size: int) -> None:
        """Raise ``StoreIsFull`` unless about ``size`` bytes more still leave the reserve alone."""
        if self._left is None:
            return
        written = self._written + size
        if written > self._left[kind]:
            REDIS_RESERVE_REFUSALS.add(kind)
            raise StoreIsFull(f"redis has only its reserve left, no room for one more {kind}", RETRY_AFTER)
        self._written = written
        if written > self._look_at:
            self._poller.wake()

    async def _look(self) -> None:
        try:
            with redis_operation("memory"):
                memory = await fullest(self._redis)
        except TemporarilyUnavailable as error:
            # What was known last goes on to count. Each command to Redis says that it is away.
            _logger.debug("redis does not tell how full it is: %s", error)
            return
        except exceptions.ResponseError as error:
            _logger.warning("redis does not tell how full it is, so that it has no reserve: %s", error)
            self._left = None
            return
        REDIS_MEMORY_USED.set(memory.used)
        REDIS_MEMORY_MAX.set(memory.most)
        self._take_note(memory)

    def _take_note(self, memory: Memory) -> None:
        before = self._left
        if not memory.is_limited or not self._is_wanted:
            self._left = None
            return
        self._left = {kind: int(memory.most * share) - memory.used for kind, share in self._shares.items()}
        self._written = 0
        self._look_at = max(self._left[Kind.INTERACTION] // _PART, _LEAST)
        is_full = self._left[Kind.INTERACTION] <= 0
        if is_full != (before is not None and before[Kind.INTERACTION] <= 0):
            level, what = (logging.ERROR, "has only its reserve left") if is_full else (logging.INFO, "has room again")
            _logger.log(level, "redis %s: %d of %d bytes are used", what, memory.used, memory.most)
