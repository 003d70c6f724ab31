"""What a service does about a schema that is older than itself."""

from __future__ import annotations

import logging
from datetime import timedelta

from valetkey.runtime.postgres.poller import Poller
from valetkey.runtime.postgres.pool import Database
from valetkey.runtime.postgres.schema import SchemaMismatchError, require_schema

_log = logging.getLogger(__name__)


class SchemaGuard:
    """Lets no service start on a schema that is too old.

    A service starts while PostgreSQL is away. Then the schema is looked at every ``interval``, and as long as it is too
    old, the log says so.
    """

    def __init__(self, database: Database, interval: timedelta) -> None:
        self._database = database
        self._is_started = False
        self._is_new_enough = False
        self._poller = Poller(self._look, interval, "schema")

    async def start(self) -> None:
        """Raise ``SchemaMismatchError`` where PostgreSQL is there and its schema is too old."""
        await self._poller.start()
        self._is_started = True

    async def close(self) -> None:
        """Stop looking."""
        await self._poller.close()

    async def _look(self) -> None:
        if self._is_new_enough:
            return
        try:
            await require_schema(self._database)
        except SchemaMismatchError as error:
            if not self._is_started:
                raise
            _log.error("%s", error)
        else:
            self._is_new_enough = True
