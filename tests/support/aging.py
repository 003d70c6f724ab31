"""A system in which time passes as fast as a test likes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from valetkey.storage.postgres.database.statement import Statement

if TYPE_CHECKING:
    from support.administration import Administration
    from support.movable_clock import MovableClock
    from support.relying_party import ClientIdentity
    from support.system import System


async def move_database_clock(administration: Administration, ahead: timedelta) -> None:
    """Have PostgreSQL count endings by a clock that is so far ahead of its own."""
    body = f"SELECT now() + interval '{ahead.total_seconds()} seconds'"
    function = "database_clock() RETURNS timestamptz LANGUAGE sql STABLE"
    async with administration.database() as database:
        await database.execute(Statement("test", f"CREATE OR REPLACE FUNCTION {function} AS $${body}$$"))


@dataclass(frozen=True, slots=True)
class Aging:
    """Its clock never goes back, so a test can only rely on what it has made itself, and on ``resource_servers``."""

    system: System
    clock: MovableClock
    resource_servers: dict[str, ClientIdentity]

    def pass_time(self, **duration: float) -> None:
        """Move the clocks of services, and PostgreSQL's as far as it counts, by a ``timedelta`` of these arguments."""
        self.clock.advance(**duration)
        self.system.run(move_database_clock(self.system.administration, self.clock.ahead))
