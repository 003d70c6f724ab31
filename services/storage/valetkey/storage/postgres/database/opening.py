"""Opens PostgreSQL as the settings say. It knows nothing of Redis, which many a command does without."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from valetkey.storage.postgres.database.pool import Database

if TYPE_CHECKING:
    from valetkey.runtime.settings.settings import Service, Settings


def open_database(settings: Settings, service: Service) -> Database:
    """The connections to PostgreSQL, to be entered as a context."""
    return Database(
        settings.postgres_dsn.reveal(),
        min_size=settings.postgres_pool_min,
        max_size=settings.postgres_pool_max,
        timeout=timedelta(seconds=settings.postgres_timeout),
        application_name=f"valetkey {service}",
        pooled=settings.postgres_pooler == "transaction",
        listen_dsn=settings.postgres_listen_dsn.reveal() if settings.postgres_listen_dsn.is_set else None,
    )
