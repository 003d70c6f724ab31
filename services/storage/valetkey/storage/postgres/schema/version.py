"""The version of the schema that this code was written for. Changing the schema is up to ``migrate``."""

from __future__ import annotations

import asyncpg

from valetkey.runtime.lifecycle.retry_policy import NotReadyError
from valetkey.runtime.telemetry.metrics import MIGRATIONS_PENDING
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.database.statement import Statement

SCHEMA_VERSION = "0016"

_FIND_VERSION = Statement("schema.find_version", "SELECT version_num FROM alembic_version")


class SchemaMismatchError(NotReadyError):
    """The database lacks migrations that this code needs. The sentence says what to type, and so does ``reason``."""

    def __init__(self, found: str) -> None:
        self.reason = f"{found}, this release needs {SCHEMA_VERSION}: run valetkey migrate up"
        super().__init__(
            f"{found[0].upper()}{found[1:]}, this release needs {SCHEMA_VERSION}: run `valetkey migrate up`."
        )


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
    try:
        version = await find_schema_version(database)
    except asyncpg.InsufficientPrivilegeError as error:
        # Roles that were made after the last migration have been granted nothing yet.
        raise SchemaMismatchError("this database role may not even see the schema") from error
    # Revisions are numbered from 1 without a gap.
    MIGRATIONS_PENDING.set(max(int(SCHEMA_VERSION) - int(version or 0), 0))
    if version is None:
        raise SchemaMismatchError("the database has no schema yet")
    if version < SCHEMA_VERSION:
        raise SchemaMismatchError(f"the schema is at {version}")
