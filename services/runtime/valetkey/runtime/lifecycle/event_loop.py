"""How late the event loop is: what a request feels of everything else that goes on in its process."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from valetkey.runtime.telemetry.metrics import EVENT_LOOP_LAG

if TYPE_CHECKING:
    from collections.abc import Callable

INTERVAL = 0.5


class LagWatch:
    """Asks the loop for a turn every ``interval`` seconds, and measures how much later it comes."""

    def __init__(self, interval: float = INTERVAL, observe: Callable[[float], None] = EVENT_LOOP_LAG.observe) -> None:
        self._interval = interval
        self._observe = observe
        self._loop = asyncio.get_running_loop()
        self._turn = self._loop.call_later(interval, self._measure, self._loop.time() + interval)

    def close(self) -> None:
        """Stop asking."""
        self._turn.cancel()

    def _measure(self, due: float) -> None:
        now = self._loop.time()
        self._observe(max(now - due, 0.0))
        self._turn = self._loop.call_later(self._interval, self._measure, now + self._interval)
