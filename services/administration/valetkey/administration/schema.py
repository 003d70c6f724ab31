"""Bringing the schema of PostgreSQL up to date."""

from __future__ import annotations

from valetkey.administration.audit import audited
from valetkey.administration.store_errors import store_errors
from valetkey.runtime.lifecycle.retry_policy import RetryPolicy
from valetkey.runtime.settings.settings import Settings
from valetkey.storage.postgres.database.errors import postgres_errors
from valetkey.storage.postgres.schema import migrate
from valetkey.storage.postgres.schema.migrate import Migration, MigrationStatus

__all__ = ["Migration", "MigrationStatus", "migrate_schema", "schema_status"]


async def migrate_schema(settings: Settings, actor: str, retries: RetryPolicy) -> tuple[Migration, ...]:
    """Apply every pending migration in one transaction, and grant the roles that exist what this release needs.

    The migrations that were applied. Safe to run at any time, and twice at once.
    """

    async def attempt() -> tuple[Migration, ...]:
        with postgres_errors:
            return await migrate.upgrade(_dsn(settings))

    with store_errors(), audited("schema.migrated", actor):
        return await retries.wait_for(attempt)


async def schema_status(settings: Settings) -> MigrationStatus:
    """Where the schema is, what is pending, and what database roles lack or have beyond their need."""
    with store_errors(), postgres_errors:
        return await migrate.status(_dsn(settings))


def _dsn(settings: Settings) -> str:
    # A pooler may hand the locks and the statements of one connection to different servers.
    direct = settings.postgres_listen_dsn
    return (direct if direct.is_set else settings.postgres_dsn).reveal()
