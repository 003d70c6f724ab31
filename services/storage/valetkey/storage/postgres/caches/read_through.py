"""Values from PostgreSQL kept in memory: bounded, told when they change, and still there when PostgreSQL is not."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.runtime.lifecycle.clock import Clock

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class _Entry(Generic[V]):
    value: V
    fresh_until: datetime
    epoch: int


class ReadThrough(Generic[K, V]):
    """A read-through cache: concurrent callers of one key share one load; what does not exist is not cached.

    An entry is fresh for ``lifetime``. While loading fails, one no older than ``stale_lifetime`` is returned instead.
    The caller whose load fails waits for that; later callers do not.
    """

    def __init__(
        self,
        load: Callable[[K], Awaitable[V | None]],
        *,
        size: int,
        lifetime: timedelta,
        stale_lifetime: timedelta,
        clock: Clock,
    ) -> None:
        self._load = load
        self._size = size
        self._lifetime = lifetime
        # How much longer than fresh an entry may serve where nothing better can be had.
        self._grace = stale_lifetime - lifetime
        self._clock = clock
        self._entries: OrderedDict[K, _Entry[V]] = OrderedDict()
        self._loading: dict[K, asyncio.Task[V | None]] = {}
        self._epoch = 0
        self._forgotten = 0
        self._is_failing = False

    async def get(self, key: K) -> V | None:
        """The value, or None if there is none. Raises ``TemporarilyUnavailable`` if that cannot be known."""
        entry, now = self._entries.get(key), self._clock()
        if entry is not None:
            if entry.epoch == self._epoch and now < entry.fresh_until:
                self._entries.move_to_end(key)
                return entry.value
            if self._is_failing and now < entry.fresh_until + self._grace:
                if not self._loading:
                    self._start_loading(key)
                return entry.value
        try:
            return await asyncio.shield(self._loading.get(key) or self._start_loading(key))
        except TemporarilyUnavailable:
            # It may have been forgotten while we waited, because it had changed.
            entry = self._entries.get(key)
            if entry is None or self._clock() >= entry.fresh_until + self._grace:
                raise
            return entry.value

    def forget(self, key: K) -> None:
        """It has changed: what is known of it is wrong, even as a stale value, and so is what is being loaded."""
        self._entries.pop(key, None)
        self._loading.pop(key, None)
        self._forgotten += 1

    def expire(self) -> None:
        """Anything may have changed: nothing is fresh any more, nor will be what is being loaded."""
        self._epoch += 1
        self._loading.clear()

    def _start_loading(self, key: K) -> asyncio.Task[V | None]:
        task = asyncio.create_task(self._load_and_keep(key))
        self._loading[key] = task
        task.add_done_callback(_look_at_failure)
        return task

    async def _load_and_keep(self, key: K) -> V | None:
        task, epoch, forgotten = asyncio.current_task(), self._epoch, self._forgotten
        try:
            value = await self._load(key)
        except TemporarilyUnavailable:
            self._is_failing = True
            raise
        else:
            self._is_failing = False
            # Something that changed while this was loading may have been this.
            if forgotten == self._forgotten:
                self._keep(key, value, epoch)
            return value
        finally:
            if self._loading.get(key) is task:
                del self._loading[key]

    def _keep(self, key: K, value: V | None, epoch: int) -> None:
        known = self._entries.get(key)
        if known is not None and known.epoch > epoch:
            return
        self._entries.pop(key, None)
        if value is None or self._size == 0:
            return
        self._entries[key] = _Entry(value, self._clock() + self._lifetime, epoch)
        while len(self._entries) > self._size:
            self._entries.popitem(last=False)


def _look_at_failure(task: asyncio.Task[object]) -> None:
    """Mark the exception of an unawaited load as retrieved: the next caller gets an exception of its own."""
    if not task.cancelled():
        task.exception()
