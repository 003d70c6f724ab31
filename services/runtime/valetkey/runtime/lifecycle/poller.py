"""Work that is done again and again, and at once when there is news."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta

from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.runtime.telemetry.tracing import detached_task

_log = logging.getLogger(__name__)


class Poller:
    """Runs ``work`` every ``interval`` and soon after ``wake``, one at a time.

    An absent store does not end it, nor does an error that it ``tolerates``.
    """

    def __init__(
        self,
        work: Callable[[], Awaitable[None]],
        interval: timedelta,
        name: str,
        tolerates: tuple[type[Exception], ...] = (),
    ) -> None:
        self._work = work
        self._interval = interval.total_seconds()
        self._name = name
        self._survived: tuple[type[Exception], ...] = (TemporarilyUnavailable, *tolerates)
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._is_closing = False

    async def start(self) -> None:
        """Work once, then begin to repeat."""
        await self._try()
        self._task = detached_task(self._run(), self._name)

    def wake(self) -> None:
        """There is news."""
        self._news.set()

    async def close(self) -> None:
        """Stop."""
        # Before Python 3.12 a driver that waits with a timeout may lose a cancellation.
        self._is_closing = True
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while not self._is_closing:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._interval):
                    await self._news.wait()
            self._news.clear()
            await self._try()

    async def _try(self) -> None:
        try:
            await self._work()
        except self._survived as error:
            _log.warning("%s failed: %s", self._name, error)
