"""Registered clients and the catalog, as every request needs them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from valetkey.core.client.client import Client
    from valetkey.core.oauth.resource import Catalog


class ClientFinder(Protocol):
    """Registered clients, fast enough for every request."""

    async def find(self, client_id: str) -> Client | None:
        """The client, enabled or not, never older than the cache's bound; ``TemporarilyUnavailable`` if unknowable."""


class CatalogSource(Protocol):
    """Registered scopes and resource servers."""

    async def get(self) -> Catalog:
        """The catalog, never older than the cache's bound; ``TemporarilyUnavailable`` if unknowable."""
