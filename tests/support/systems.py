"""Fixtures: one running system per worker that tests share, with new clients and users for each of them."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import asyncpg
import pytest
from redis import Redis

from support.administration import Administration
from support.movable_clock import MovableClock
from support.relying_party import ClientIdentity, Person, RelyingParty
from support.system import System
from valetkey.demo.stores.embedded_postgres import EmbeddedPostgres
from valetkey.demo.stores.embedded_redis import EmbeddedRedis

MakeParty = Callable[..., Awaitable[RelyingParty]]
StartSystem = Callable[..., System]


@contextmanager
def running_system(
    postgres_server: EmbeddedPostgres,
    migrated_template: str,
    *,
    room: int | None = None,
    **options: Any,  # noqa: ANN401 - whatever System takes
) -> Iterator[System]:
    """A system with a database and a Redis of its own; ``options`` are those of ``System``.

    ``room``: how many bytes Redis may take beside what it takes while it is empty, from before the services start.
    """
    name = f"system_{secrets.token_hex(4)}"
    _execute(postgres_server.dsn, f"CREATE DATABASE {name} TEMPLATE {migrated_template} STRATEGY FILE_COPY")
    with EmbeddedRedis() as redis:
        if room is not None:
            with Redis.from_url(redis.url) as store:
                store.config_set("maxmemory-policy", "noeviction")
                store.config_set("maxmemory", store.info("memory")["used_memory"] + room)
        with System(postgres_server.dsn_of(name), redis.url, **options) as system:
            yield system


@pytest.fixture(scope="session")
def system(postgres_server: EmbeddedPostgres, migrated_template: str) -> Iterator[System]:
    """The shared system. Tests that break something, or move its clock, start one of their own."""
    with running_system(postgres_server, migrated_template) as system:
        yield system


@pytest.fixture(scope="module")
def start_system(postgres_server: EmbeddedPostgres, migrated_template: str) -> Iterator[StartSystem]:
    """Starts systems of a module's own, with settings or a clock of their own; they end with the module."""
    with ExitStack() as stack:

        def start(**options: Any) -> System:  # noqa: ANN401 - whatever System takes
            system = stack.enter_context(running_system(postgres_server, migrated_template, **options))
            system.run(system.administration.create_catalog())
            return system

        yield start


@pytest.fixture(scope="module")
def clock() -> MovableClock:
    """A clock of a module's own, for a system that is started with it."""
    return MovableClock()


@pytest.fixture(scope="module")
def ageing_system(start_system: StartSystem, clock: MovableClock) -> System:
    """A system whose time can be moved."""
    return start_system(clock=clock)


@pytest.fixture(scope="session")
def resource_servers(system: System) -> dict[str, ClientIdentity]:
    """The resource servers ``api`` and ``other``, registered once."""
    return system.run(system.administration.create_catalog())


@pytest.fixture
def administration(system: System, resource_servers: dict[str, ClientIdentity]) -> Administration:
    """Registers clients and users; the catalog is there."""
    return system.administration


@pytest.fixture
async def make_party(system: System, administration: Administration) -> AsyncIterator[MakeParty]:
    """Makes relying parties, each with a browser of its own; a client and a user are new unless given.

    They belong to the shared system unless ``at`` is another one.
    """
    made: list[RelyingParty] = []

    async def make(
        client: ClientIdentity | None = None,
        person: Person | None = None,
        *,
        method: str = "client_secret_basic",
        at: System | None = None,
    ) -> RelyingParty:
        home = at or system
        client = client or await home.administration.create_web_client(method)
        party = RelyingParty(home.issuer, client, person or await home.administration.create_user())
        made.append(party)
        return party

    yield make
    for party in made:
        await party.browser.close()


@pytest.fixture
async def party(make_party: MakeParty) -> RelyingParty:
    """A confidential client and its user."""
    return await make_party()


@pytest.fixture
async def api(
    make_party: MakeParty, resource_servers: dict[str, ClientIdentity], administration: Administration
) -> RelyingParty:
    """The resource server that most tokens in tests are for."""
    return await make_party(resource_servers["api"], Person("unused", ""))


def _execute(dsn: str, statement: str) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(dsn)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        runner.run(run())
