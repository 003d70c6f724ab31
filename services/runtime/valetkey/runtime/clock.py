"""The clock that services are handed at wiring time; nothing else reads the time of day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """The present moment, aware and in UTC."""
    return datetime.now(UTC)
