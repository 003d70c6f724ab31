"""The catalog in memory, for every request."""

from __future__ import annotations

from datetime import timedelta

from valetkey.core.oauth.resource import Catalog
from valetkey.runtime.lifecycle.clock import Clock
from valetkey.storage.postgres.caches.read_through import ReadThrough
from valetkey.storage.postgres.database.notifications import CATALOG_CHANGED, CLIENTS_CHANNEL
from valetkey.storage.postgres.database.pool import Database
from valetkey.storage.postgres.tables.catalog import CatalogStore

_NOTHING = Catalog({}, {})


class CatalogCache:
    """See ``valetkey.core.ports.CatalogSource``. Kept and served as ``ClientCache`` does with clients."""

    def __init__(
        self, database: Database, issuer: str, *, lifetime: timedelta, stale_lifetime: timedelta, clock: Clock
    ) -> None:
        self._store = CatalogStore(database)
        self._issuer = issuer
        self._catalog: ReadThrough[None, Catalog] = ReadThrough(
            self._load, size=1, lifetime=lifetime, stale_lifetime=stale_lifetime, clock=clock
        )
        database.on_notify(CLIENTS_CHANNEL, self._changed)

    async def get(self) -> Catalog:
        """The catalog; ``TemporarilyUnavailable`` if unknowable."""
        return await self._catalog.get(None) or _NOTHING

    async def _load(self, _: None) -> Catalog:
        return (await self._store.get()).without_issuer(self._issuer)

    def _changed(self, payload: str | None) -> None:
        if payload is None:
            self._catalog.expire()
        elif payload == CATALOG_CHANGED:
            self._catalog.forget(None)
