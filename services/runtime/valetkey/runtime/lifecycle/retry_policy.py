"""Tries again while a store is away, or holds less than this code needs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.core.ports.clock import Clock
from valetkey.runtime.lifecycle.clock import system_clock
from valetkey.runtime.telemetry.redaction import redact

T = TypeVar("T")
Sleep = Callable[[float], Awaitable[None]]

_log = logging.getLogger(__name__)
_PAUSE = 2.0  # seconds


class NotReadyError(Exception):
    """What is needed is not there yet and may come. The sentence says what that is."""


class RetryTimeoutError(Exception):
    """What was waited for is still not there. The sentence says what that is."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long to wait, and the clock and the sleep to do it with. A ``limit`` of zero means no wait."""

    limit: timedelta = timedelta(0)
    clock: Clock = system_clock
    sleep: Sleep = asyncio.sleep

    async def wait_for(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """The first success of ``attempt``, made again while a store is away or something is not ready.

        Raises ``RetryTimeoutError`` after ``limit``. Without one, and for anything else, raises what the attempt did.
        """
        deadline = self.clock() + self.limit
        told = ""
        while True:
            try:
                return await attempt()
            except (TemporarilyUnavailable, NotReadyError) as error:
                if not self.limit:
                    raise
                reason = redact(str(error))
                if self.clock() >= deadline:
                    raise RetryTimeoutError(f"waited {self.limit.total_seconds():.0f} s: {reason}") from error
            if reason != told:
                _log.warning("waiting: %s", reason)
                told = reason
            left = (deadline - self.clock()).total_seconds()
            await self.sleep(max(min(_PAUSE, left), 0.0))
