"""The version of the schema that this code was written for. Changing the schema is up to ``migrate``."""

from __future__ import annotations

import asyncpg

from valetkey.runtime.metrics import MIGRATIONS_PENDING
from valetkey.runtime.postgres.pool import Database
from valetkey.runtime.postgres.statement import Statement

SCHEMA_VERSION = "0001"

_FIND_VERSION = Statement("schema.find_version", "SELECT version_num FROM alembic_version")


class SchemaMismatchError(Exception):
    """The database lacks migrations that this code needs. The sentence says what to type."""


async def find_schema_version(database: Database) -> str | None:
    """The version the database is at, None where it has never been migrated."""
    try:
        row = await database.fetch_row(_FIND_VERSION)
    except asyncpg.UndefinedTableError:
        return None
    return None if row is None else str(row["version_num"])


async def require_schema(database: Database) -> None:
    """Raise ``SchemaMismatchError`` unless the schema is at least as new as this code.

    A newer one is welcome: migrations only expand while old code may still run. Raises ``TemporarilyUnavailable``.
    """
    version = await find_schema_version(database)
    # Revisions are numbered from 1 without a gap.
    MIGRATIONS_PENDING.set(max(int(SCHEMA_VERSION) - int(version or 0), 0))
    if version is None:
        raise SchemaMismatchError("The database has no schema yet: run `valetkey migrate up`.")
    if version < SCHEMA_VERSION:
        raise SchemaMismatchError(
            f"The database is at schema {version} and this version needs {SCHEMA_VERSION}: run `valetkey migrate up`."
        )
