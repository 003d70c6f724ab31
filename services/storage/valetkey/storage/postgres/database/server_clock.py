"""What time it is for PostgreSQL, to compare with what time it is for us."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from valetkey.core.ports.clock import Clock
from valetkey.runtime.telemetry.metrics import CLOCK_SKEW
from valetkey.storage.postgres.database.polling import database_poller
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.database.statement import Executor, Statement

INTERVAL = timedelta(minutes=1)
# More than this is told of. What `CLOCK_TOLERANCE` allows for is far more.
NOTICEABLE = timedelta(seconds=5)

_READ = Statement("server_clock.read", "SELECT clock_timestamp() AS moment")
_log = logging.getLogger(__name__)


async def read_server_clock(database: Executor) -> datetime:
    """The present moment on the server's clock. UTC."""
    row = await database.fetch_row(_READ)
    if row is None:
        raise RuntimeError("SELECT without FROM has one row")
    moment: datetime = row["moment"]
    return moment


async def measure_clock_skew(database: Executor, clock: Clock) -> timedelta:
    """How far the server's clock is ahead of ours, to half of the time that asking took."""
    before = clock()
    moment = await read_server_clock(database)
    after = clock()
    return moment - (before + (after - before) / 2)


class ClockSkew:
    """Keeps the gauge of the difference up to date, and logs one that can be noticed, once until it is gone."""

    def __init__(self, database: Database, clock: Clock, interval: timedelta = INTERVAL) -> None:
        self._database = database
        self._clock = clock
        self._is_noticed = False
        self._poller = database_poller(self._measure, interval, "clock-skew")

    async def start(self) -> None:
        """Try to read once, then poll."""
        await self._poller.start()

    async def close(self) -> None:
        """Stop."""
        await self._poller.close()

    async def _measure(self) -> None:
        skew = await measure_clock_skew(self._database, self._clock)
        CLOCK_SKEW.set(skew.total_seconds())
        is_noticeable = abs(skew) > NOTICEABLE
        if is_noticeable and not self._is_noticed:
            _log.warning(
                "PostgreSQL's clock is %+.1f s from ours: synchronise both (NTP), lifetimes depend on them",
                skew.total_seconds(),
            )
        self._is_noticed = is_noticeable
