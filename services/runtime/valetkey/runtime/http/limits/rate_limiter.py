"""So many times a second, and no more."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class RateLimiter:
    """Grants ``per_second`` on average; what is not taken is kept for one second."""

    def __init__(self, per_second: float, timer: Callable[[], float] = perf_counter) -> None:
        self._per_second = per_second
        self._timer = timer
        self._left = per_second
        self._at = timer()

    def take(self) -> bool:
        """Whether there is one left; it is taken then."""
        now = self._timer()
        self._left = min(self._left + (now - self._at) * self._per_second, self._per_second)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
