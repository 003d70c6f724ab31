"""How long to wait before what has ended is started again."""

from __future__ import annotations

FIRST_SECONDS = 0.5
LONGEST_SECONDS = 30.0
# Whoever has worked for so long did not fail at its start.
STEADY_SECONDS = 60.0


class Backoff:
    """Twice as long each time, until something has lived long enough."""

    def __init__(self) -> None:
        self._next = FIRST_SECONDS

    def after(self, lived: float) -> float:
        """The pause after something that lived for so many seconds."""
        if lived >= STEADY_SECONDS:
            self._next = FIRST_SECONDS
        pause, self._next = self._next, min(self._next * 2, LONGEST_SECONDS)
        return pause
