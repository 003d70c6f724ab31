"""How many users are signed in, for a metric."""

from __future__ import annotations

from datetime import timedelta

from valetkey.core.ports.clock import Clock
from valetkey.runtime.telemetry.metrics import SESSIONS
from valetkey.storage.postgres.database.polling import database_poller
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.database.statement import Statement

INTERVAL = timedelta(minutes=1)

# Counting reads every row, so a large table is estimated, from what PostgreSQL knows of it anyway.
_COUNT = Statement(
    "sessions.count",
    """
    SELECT CASE WHEN reltuples > 100000 THEN reltuples::bigint
        ELSE (SELECT count(*) FROM sessions WHERE idle_expires_at > $1 AND expires_at > $1) END AS live
    FROM pg_class WHERE oid = 'sessions'::regclass
    """,
)


class SessionCount:
    """Keeps the gauge of live sessions up to date; it stays as it was while PostgreSQL is away."""

    def __init__(self, database: Database, clock: Clock, interval: timedelta = INTERVAL) -> None:
        self._database = database
        self._clock = clock
        self._poller = database_poller(self._refresh, interval, "session-count")

    async def start(self) -> None:
        """Try to read once, then poll."""
        await self._poller.start()

    async def close(self) -> None:
        """Stop."""
        await self._poller.close()

    async def _refresh(self) -> None:
        row = await self._database.fetch_row(_COUNT, self._clock())
        if row is not None:
            SESSIONS.set(row["live"])
