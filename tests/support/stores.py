"""Real stores for tests: one PostgreSQL and one Redis per worker, an empty database of its own for every test."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Coroutine, Iterator

import asyncpg
import pytest
import redis

from support.clean_databases import CleanDatabases
from support.database_roles import as_role, create_roles
from valetkey.demo.stores.embedded_postgres import EmbeddedPostgres
from valetkey.demo.stores.embedded_redis import EmbeddedRedis

_TEMPLATE = "migrated"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[EmbeddedPostgres]:
    """The worker's PostgreSQL. Tests that stop or kill one ask for `disposable_postgres`."""
    with EmbeddedPostgres() as server:
        create_roles(server, "postgres")
        yield server


@pytest.fixture(scope="session")
def migrated_template(postgres_server: EmbeddedPostgres) -> str:
    """The name of a database with the newest schema and no rows, to copy."""
    create_migrated(postgres_server, _TEMPLATE)
    return _TEMPLATE


@pytest.fixture
async def empty_postgres_dsn(postgres_server: EmbeddedPostgres) -> AsyncIterator[str]:
    """A database of the test's own, without a schema."""
    name = _database_name()
    await _execute(postgres_server.dsn, f"CREATE DATABASE {name}")
    yield postgres_server.dsn_of(name)
    await _execute(postgres_server.dsn, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def clean_databases(postgres_server: EmbeddedPostgres, migrated_template: str) -> Iterator[CleanDatabases]:
    """The worker's databases with the newest schema and no rows."""
    with CleanDatabases(postgres_server, migrated_template) as databases:
        yield databases


@pytest.fixture
def postgres_dsn(postgres_server: EmbeddedPostgres, clean_databases: CleanDatabases) -> Iterator[str]:
    """A database of the test's own, with the newest schema and no rows."""
    name = clean_databases.take()
    yield postgres_server.dsn_of(name)
    clean_databases.give_back(name)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[EmbeddedRedis]:
    """The worker's Redis. Tests that stop or kill one ask for `disposable_redis`."""
    with EmbeddedRedis() as server:
        yield server


@pytest.fixture(scope="session")
def redis_flusher(redis_server: EmbeddedRedis) -> Iterator[redis.Redis]:
    """A connection that stays open, so that emptying Redis costs one round trip."""
    with redis.Redis.from_url(redis_server.url) as client:
        yield client


@pytest.fixture
def redis_url(redis_server: EmbeddedRedis, redis_flusher: redis.Redis) -> str:
    """A Redis with nothing in it."""
    redis_flusher.flushall()
    return redis_server.url


@pytest.fixture
def disposable_postgres() -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL of the test's own, to stop, kill and restart; `dsn_of("valetkey")` has the newest schema."""
    with EmbeddedPostgres() as server:
        create_migrated(server, "valetkey")
        yield server


@pytest.fixture
def disposable_redis() -> Iterator[EmbeddedRedis]:
    """A Redis of the test's own, to stop, kill and restart."""
    with EmbeddedRedis() as server:
        yield server


def create_migrated(server: EmbeddedPostgres, name: str) -> None:
    """Make a database with the newest schema, in which every service has its role."""
    _run(_create_migrated(server, name))


def create_empty(server: EmbeddedPostgres, name: str) -> None:
    """Make a database without a schema, into which every service may come in its role."""
    _run(_execute(server.dsn, f"CREATE DATABASE {name}"))
    create_roles(server, name)


def drop(server: EmbeddedPostgres, name: str) -> None:
    """Remove a database, and close its connections."""
    _run(_execute(server.dsn, f"DROP DATABASE {name} WITH (FORCE)"))


async def _create_migrated(server: EmbeddedPostgres, name: str) -> None:
    # Tests that need no schema must not need the migrations either.
    from valetkey.storage.postgres.schema.migrate import upgrade  # noqa: PLC0415

    await _execute(server.dsn, f"CREATE DATABASE {name}")
    create_roles(server, name)
    await upgrade(as_role(server.dsn_of(name), "migration"))


async def _execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def _database_name() -> str:
    return f"test_{secrets.token_hex(8)}"


def _run(work: Coroutine[object, object, None]) -> None:
    # A loop that never becomes the thread's current one, which belongs to pytest-asyncio.
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        runner.run(work)
