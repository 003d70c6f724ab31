"""Clients in memory, for every request."""

from __future__ import annotations

from datetime import timedelta

from valetkey.core.client.client import Client
from valetkey.core.client.registration import MAX_CLIENT_ID_LENGTH
from valetkey.runtime.lifecycle.clock import Clock
from valetkey.storage.postgres.caches.read_through import ReadThrough
from valetkey.storage.postgres.database.notifications import CATALOG_CHANGED, CLIENTS_CHANNEL
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.tables.clients import Clients


class ClientCache:
    """See ``valetkey.core.ports.ClientFinder``.

    A change is known within moments, without notifications after ``lifetime``. While PostgreSQL is away, an unchanged
    client is served for ``stale_lifetime``.
    """

    def __init__(
        self,
        database: Database,
        *,
        size: int,
        lifetime: timedelta,
        stale_lifetime: timedelta,
        clock: Clock,
    ) -> None:
        self._clients = ReadThrough(
            Clients(database).find, size=size, lifetime=lifetime, stale_lifetime=stale_lifetime, clock=clock
        )
        database.on_notify(CLIENTS_CHANNEL, self._changed)

    async def find(self, client_id: str) -> Client | None:
        """The client, enabled or not; ``TemporarilyUnavailable`` if unknowable."""
        if len(client_id) > MAX_CLIENT_ID_LENGTH:
            return None
        return await self._clients.get(client_id)

    def _changed(self, payload: str | None) -> None:
        if payload is None:
            self._clients.expire()
        elif payload != CATALOG_CHANGED:
            self._clients.forget(payload)
