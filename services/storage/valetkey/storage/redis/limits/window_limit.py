"""At most so many of something for one key within a window, counted by one atomic step in Redis over all replicas."""

from __future__ import annotations

import asyncio
import hashlib
from enum import Enum
from typing import TYPE_CHECKING

from valetkey.storage.redis.client.errors import redis_operation

if TYPE_CHECKING:
    from valetkey.storage.redis.limits.rate_limit_storage import RateLimitStorage

REMEMBERED_SECONDS = 1.0
MAX_REMEMBERED = 10_000


class Standing(Enum):
    """Where one more has led."""

    WITHIN = "within"
    JUST_SPENT = "just spent"
    SPENT = "spent"


class WindowLimit:
    """A fixed window of ``window`` seconds from the first count. It ends by itself: no refusal lasts longer.

    ``name`` is one of ours. A key that is known to be spent costs nothing for a second: a flood neither reaches Redis
    nor grows with what it sends.
    """

    def __init__(self, storage: RateLimitStorage, name: str, amount: int, window: int) -> None:
        self.name = name
        self.window = window
        self._storage = storage
        self._amount = amount
        self._spent: dict[str, float] = {}
        self._loop = asyncio.get_running_loop()

    def is_known_to_be_spent(self, *key: str) -> bool:
        """Whether the limit was found to be spent within the last second; nothing is counted, and Redis not asked."""
        return bool(self._spent) and self._is_spent(_digest(key))

    async def count(self, *key: str, amount: int = 1) -> Standing:
        """Count so many more; exactly one caller in a window learns that the limit was just spent.

        Raises ``TemporarilyUnavailable`` if Redis is away.
        """
        digest = _digest(key)
        if self._is_spent(digest):
            return Standing.SPENT
        with redis_operation("rate_limit"):
            counted = await self._storage.incr(self._key_of(digest), self.window, amount)
        if counted <= self._amount:
            return Standing.WITHIN
        if len(self._spent) >= MAX_REMEMBERED:
            self._spent.clear()
        self._spent[digest] = self._loop.time() + REMEMBERED_SECONDS
        return Standing.JUST_SPENT if counted - amount <= self._amount else Standing.SPENT

    def _key_of(self, digest: str) -> str:
        # A limit that is changed counts anew.
        return f"{self.name}/{digest}/{self._amount}/{self.window}/second"

    def _is_spent(self, digest: str) -> bool:
        return self._loop.time() < self._spent.get(digest, 0.0)


def _digest(key: tuple[str, ...]) -> str:
    # Names and addresses that a client chooses stay out of Redis, and so does their length.
    return hashlib.sha256("\0".join(key).encode()).hexdigest()
