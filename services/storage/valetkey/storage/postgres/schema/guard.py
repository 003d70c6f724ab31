"""What a service does about a schema that is older than itself: it waits."""

from __future__ import annotations

import logging
from datetime import timedelta

from valetkey.storage.postgres.database.polling import database_poller
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.schema.version import SchemaMismatchError, require_schema

_log = logging.getLogger(__name__)


class SchemaGuard:
    """Looks at the schema every ``interval`` until it is new enough; a schema that PostgreSQL keeps to itself may be.

    So a pod of a newer release waits for the migration, and none waits for a PostgreSQL that is away.
    """

    def __init__(self, database: Database, interval: timedelta) -> None:
        self._database = database
        self._reason = ""
        self._is_new_enough = False
        self._poller = database_poller(self._look, interval, "schema")

    async def start(self) -> None:
        """Try to read once, then poll."""
        await self._poller.start()

    async def close(self) -> None:
        """Stop looking."""
        await self._poller.close()

    def reason(self) -> str:
        """Why nothing can be done yet, and what to do about it; empty where nothing speaks against it."""
        return self._reason

    async def _look(self) -> None:
        if self._is_new_enough:
            return
        try:
            await require_schema(self._database)
        except SchemaMismatchError as error:
            if error.reason != self._reason:
                _log.error("waiting: %s", error)
            self._reason = error.reason
        else:
            self._is_new_enough = True
            self._reason = ""
