"""Fixtures of the tests that speak to several replicas of everything at once."""

from collections.abc import AsyncIterator, Iterator

import pytest

from support.fleet import Fleet
from support.movable_clock import MovableClock
from support.outage_fleet import OutageFleet
from support.planted_codes import PlantedCodes, planted_codes
from support.relying_party import RelyingParty
from support.stores import create_migrated
from support.system import System
from support.systems import running_system
from valetkey.demo.stores.embedded_postgres import EmbeddedPostgres
from valetkey.demo.stores.embedded_redis import EmbeddedRedis


@pytest.fixture(scope="session")
def fleet(postgres_server: EmbeddedPostgres, migrated_template: str) -> Iterator[Fleet]:
    """Three replicas of every service, shared by the tests of a worker. No test breaks it or moves its clock."""
    with running_system(postgres_server, migrated_template, replicas=3) as system:
        yield Fleet(system, system.run(system.administration.create_catalog()))


@pytest.fixture
async def web(fleet: Fleet) -> AsyncIterator[RelyingParty]:
    """A confidential client of the fleet and its user."""
    party = await fleet.new_party()
    yield party
    await party.browser.close()


@pytest.fixture
async def resource_server(fleet: Fleet) -> AsyncIterator[RelyingParty]:
    """The resource server ``api`` of the fleet."""
    party = fleet.new_api()
    yield party
    await party.browser.close()


@pytest.fixture
async def codes(fleet: Fleet, web: RelyingParty) -> AsyncIterator[PlantedCodes]:
    """Codes of ``web``, without a browser."""
    async with planted_codes(fleet.system, web) as planted:
        yield planted


@pytest.fixture(scope="session")
def own_stores() -> Iterator[OutageFleet]:
    """Two replicas of every service over a PostgreSQL and a Redis of their own, and a clock."""
    clock, changes = MovableClock(), {"key_poll_interval": "1s"}
    with EmbeddedPostgres() as postgres, EmbeddedRedis() as redis:
        create_migrated(postgres, "valetkey")
        dsn = postgres.dsn_of("valetkey")
        with System(dsn, redis.url, replicas=2, clock=clock, changes=changes) as system:
            fleet = Fleet(system, system.run(system.administration.create_catalog()))
            yield OutageFleet(fleet, postgres, redis, clock)


@pytest.fixture
async def outage_fleet(own_stores: OutageFleet) -> OutageFleet:
    """Stores that may be killed, as long as they are given back."""
    await own_stores.until_all_is_well()
    return own_stores
