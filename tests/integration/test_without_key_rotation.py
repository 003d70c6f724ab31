"""Without the key rotation job everything goes on. Which alert fires then, ``deploy/alerts/tests`` proves."""

from collections.abc import Iterator

import pytest

from support.fleet import Fleet
from support.movable_clock import MovableClock
from support.systems import running_system
from support.whole_flow import require_whole_flow
from valetkey.demo.stores.embedded_postgres import EmbeddedPostgres

DAYS = 400


@pytest.fixture(scope="module")
def forgotten(postgres_server: EmbeddedPostgres, migrated_template: str, clock: MovableClock) -> Iterator[Fleet]:
    """Its first keys were made, and then the job never ran again."""
    changes = {"key_poll_interval": "1s"}
    with running_system(postgres_server, migrated_template, clock=clock, changes=changes) as system:
        yield Fleet(system, system.run(system.administration.create_catalog()))


@pytest.mark.requirement("architecture 4: without the key rotation job everything still works")
async def test_everything_works_long_after_the_keys_were_due(forgotten: Fleet, clock: MovableClock) -> None:
    await require_whole_flow(forgotten)

    clock.advance(days=DAYS)

    await require_whole_flow(forgotten)
