"""A catalog that an operator may change."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from valetkey.core.oauth.resource import Catalog


class ChangingCatalog:
    """``CatalogSource``, of whatever ``catalog`` is set to."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog

    async def get(self) -> Catalog:
        """See ``CatalogSource``."""
        return self.catalog
