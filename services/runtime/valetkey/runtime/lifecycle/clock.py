"""The clock that services are handed at wiring time; nothing else reads the time of day."""

from datetime import UTC, datetime

from valetkey.core.ports.clock import Clock

__all__ = ["Clock", "system_clock"]


def system_clock() -> datetime:
    """The present moment, aware and in UTC."""
    return datetime.now(UTC)
