"""Work that an answer does not wait for, so that neither its time nor its outcome tells what was found."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from valetkey.core.oauth.errors import TemporarilyUnavailable

if TYPE_CHECKING:
    from collections.abc import Coroutine

_LOG = logging.getLogger(__name__)
RETRY_AFTER = 2
"""Seconds until there may be room again."""
_MOST = 100


class AfterAnswers:
    """Does at most so many things at once; what is under way is finished before the service ends."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def has_room(self) -> bool:
        """Whether one more can be begun. It depends on how many were, never on what they are about."""
        return len(self._tasks) < self._most

    def begin(self, work: Coroutine[object, object, None]) -> None:
        """Begin; what goes wrong is in the log."""
        task = asyncio.get_running_loop().create_task(_guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._finish)

    def _finish(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _LOG.error("what was to be done after an answer failed", exc_info=error)

    async def close(self) -> None:
        """Wait for what is under way."""
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _guarded(work: Coroutine[object, object, None]) -> None:
    try:
        await work
    except TemporarilyUnavailable as error:
        _LOG.warning("what was to be done after an answer was not: %s", error.reason)
