"""Bringing the schema up to date. Needs the extra ``migrations``, which services do not install."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from asyncpg import Record
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from valetkey.storage.postgres.schema.role_privilege_check import NO_DIFFERENCES, READ_GRANTS, GrantDifferences, compare

_log = logging.getLogger(__name__)
_SCRIPTS = Path(__file__).parents[1] / "migrations"
# Any number that no other advisory lock in this database uses.
_LOCK = 8_517_213_904_113
_TIMEOUT = 10.0  # seconds to connect
# Less than the 1 s after which PostgreSQL looks for a deadlock and ends one of the transactions that wait.
_LOCK_TIMEOUT = 500  # milliseconds to wait for a table
_ATTEMPTS, _PAUSE = 60, 0.5


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema."""

    revision: str
    description: str


@dataclass(frozen=True, slots=True)
class MigrationStatus:
    """Where a database is, where this version wants it, and the steps between. ``current`` is None before the first.

    ``grants`` is where the roles that exist may do less, or more, than they should.
    """

    current: str | None
    head: str
    pending: tuple[Migration, ...]
    grants: GrantDifferences = NO_DIFFERENCES


async def upgrade(dsn: str) -> tuple[Migration, ...]:
    """Apply every pending migration in one transaction, grant roles what they need, and return the migrations.

    Safe to run twice at once: the second waits for the first and then finds nothing to do. Safe to run under traffic:
    where a request and an attempt wait for each other, the attempt gives way, and another is made.
    """
    for _ in range(_ATTEMPTS - 1):
        try:
            return await _attempt(dsn)
        except asyncpg.LockNotAvailableError:
            await asyncio.sleep(_PAUSE)
    return await _attempt(dsn)


async def _attempt(dsn: str) -> tuple[Migration, ...]:
    async with _connection(dsn) as connection:
        await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        await connection.execute(text(f"SET LOCAL lock_timeout = {_LOCK_TIMEOUT}"))
        pending = (await connection.run_sync(_status)).pending
        if pending:
            await connection.run_sync(_upgrade)
        grants = await connection.run_sync(_grants)
        for statement in grants.statements():
            await connection.execute(text(statement))
    if grants:
        _log.info("privileges of database roles mended", extra={"differences": grants.sentences})
    return pending


async def status(dsn: str) -> MigrationStatus:
    """Where this database is. Changes nothing."""
    async with _connection(dsn) as connection:
        return await connection.run_sync(_status)


@asynccontextmanager
async def _connection(dsn: str) -> AsyncIterator[AsyncConnection]:
    # asyncpg reads the DSN itself, so that it means here what it means to the services.
    async def connect() -> asyncpg.Connection[Record]:
        return await asyncpg.connect(dsn, timeout=_TIMEOUT)

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    try:
        with _errors_of_the_driver():
            async with engine.begin() as connection:
                yield connection
    finally:
        await engine.dispose()


@contextmanager
def _errors_of_the_driver() -> Iterator[None]:
    """Raise asyncpg's own exception instead of the one that SQLAlchemy wraps it in."""
    try:
        yield
    except DBAPIError as error:
        raise (error.orig and error.orig.__cause__) or error from error


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    return config


def _upgrade(connection: Connection) -> None:
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _status(connection: Connection) -> MigrationStatus:
    scripts = ScriptDirectory.from_config(_config())
    head = scripts.get_current_head()
    if head is None:
        raise RuntimeError("there are no migrations")
    current = MigrationContext.configure(connection).get_current_revision()
    steps = [script for script in scripts.walk_revisions(current or "base", head) if script.revision != current]
    pending = tuple(Migration(script.revision, script.doc) for script in reversed(steps))
    return MigrationStatus(current, head, pending, _grants(connection))


def _grants(connection: Connection) -> GrantDifferences:
    return compare(tuple(row) for row in connection.execute(text(READ_GRANTS)))
