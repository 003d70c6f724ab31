"""Fixtures of the tests that speak to the wired system over HTTP."""

from collections.abc import AsyncIterator, Iterator

import pytest
from aiohttp import ClientSession, DummyCookieJar

from support.aging import Aging
from support.movable_clock import MovableClock
from support.system import System
from support.systems import running_system
from support.wire import Wire
from valetkey.cli.demo.embedded_postgres import EmbeddedPostgres


@pytest.fixture
async def wire(system: System) -> AsyncIterator[Wire]:
    """Requests written out by hand to the shared system."""
    async with ClientSession(cookie_jar=DummyCookieJar(), auto_decompress=False) as http:
        yield Wire(http, system.urls)


@pytest.fixture(scope="session")
def aging(postgres_server: EmbeddedPostgres, migrated_template: str) -> Iterator[Aging]:
    """Shared by the tests of a worker that let time pass."""
    clock = MovableClock()
    with running_system(postgres_server, migrated_template, clock=clock) as system:
        yield Aging(system, clock, system.run(system.administration.create_catalog()))
