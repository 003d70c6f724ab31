"""What time it is for PostgreSQL, to compare with what time it is for us."""

from __future__ import annotations

from datetime import datetime

from valetkey.runtime.postgres.statement import Executor, Statement

_READ = Statement("server_clock.read", "SELECT clock_timestamp() AS moment")


async def read_server_clock(database: Executor) -> datetime:
    """The present moment on the server's clock. UTC."""
    row = await database.fetch_row(_READ)
    if row is None:
        raise RuntimeError("SELECT without FROM has one row")
    moment: datetime = row["moment"]
    return moment
