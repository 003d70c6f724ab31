"""A clock that runs as real time does, and can be moved ahead of it."""

from datetime import UTC, datetime, timedelta


class MovableClock:
    """Hand it to a system as its clock."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    @property
    def ahead(self) -> timedelta:
        """How far it has been moved."""
        return self._ahead

    def advance(self, **duration: float) -> None:
        """Move ahead by a ``timedelta`` of these arguments."""
        self._ahead += timedelta(**duration)
