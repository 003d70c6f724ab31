"""A system in which time passes as fast as a test likes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from valetkey.runtime.postgres.statement import Statement

if TYPE_CHECKING:
    from support.administration import Administration
    from support.movable_clock import MovableClock
    from support.relying_party import ClientIdentity
    from support.system import System

_AGE = Statement("test", "UPDATE authorizations SET rotated_at = rotated_at - $1::interval WHERE generation > 1")


async def age_rotations(administration: Administration, age: timedelta) -> None:
    """Make every rotation so much older by PostgreSQL's clock, which no test can move."""
    async with administration.database() as database:
        await database.execute(_AGE, age)


@dataclass(frozen=True, slots=True)
class Aging:
    """Its clock never goes back, so a test can only rely on what it has made itself, and on ``resource_servers``."""

    system: System
    clock: MovableClock
    resource_servers: dict[str, ClientIdentity]

    def pass_time(self, **duration: float) -> None:
        """Move the clocks of services, and PostgreSQL's as far as it counts, by a ``timedelta`` of these arguments."""
        self.clock.advance(**duration)
        self.system.run(age_rotations(self.system.administration, timedelta(**duration)))
