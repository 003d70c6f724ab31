"""Fixtures of the tests that speak to several replicas of everything at once."""

from collections.abc import AsyncIterator, Iterator

import pytest

from support.fleet import Fleet
from support.planted_codes import PlantedCodes, planted_codes
from support.relying_party import RelyingParty
from support.systems import running_system
from valetkey.cli.demo.embedded_postgres import EmbeddedPostgres


@pytest.fixture(scope="session")
def fleet(postgres_server: EmbeddedPostgres, migrated_template: str) -> Iterator[Fleet]:
    """Three replicas of every service, shared by the tests of a worker. Nobody breaks it or moves its clock."""
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
