"""The discovery documents, always answerable once started. RFC 8414, OIDC Discovery."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from valetkey.core.jose.keys import SUPPORTED_ALGORITHMS
from valetkey.core.language import SHIPPED
from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.core.oauth.scope import USER_SCOPES
from valetkey.core.oauth.server_metadata import authorization_server_metadata
from valetkey.core.oidc.claims.table import STANDARD_CLAIMS
from valetkey.introspection.document import Document

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from valetkey.core.oauth.resource import Catalog
    from valetkey.core.ports.clients import CatalogSource

# A store that does not answer must not keep clients from finding us.
_PATIENCE = 1.0


class Discovery:
    """Builds the document anew only when the catalog has changed."""

    def __init__(
        self,
        issuer: str,
        catalog: CatalogSource,
        max_age: int,
        algorithms: Sequence[str] = SUPPORTED_ALGORITHMS,
        languages: Sequence[str] = SHIPPED,
    ) -> None:
        self._issuer = issuer
        self._languages = languages
        self._algorithms = algorithms
        self._source = catalog
        self._max_age = max_age
        self._catalog: Catalog | None = None
        self._document = self._build(USER_SCOPES, STANDARD_CLAIMS.names)

    async def document(self) -> Document:
        """The document; with the scopes known last where the catalog cannot be had."""
        try:
            async with asyncio.timeout(_PATIENCE):
                catalog = await self._source.get()
        except (TemporarilyUnavailable, TimeoutError):
            return self._document
        if catalog is not self._catalog:
            self._catalog = catalog
            self._document = self._build(catalog.scopes, catalog.claim_table.names)
        return self._document

    def _build(self, scopes: Iterable[str], claims: frozenset[str]) -> Document:
        metadata = authorization_server_metadata(self._issuer, scopes, claims, self._algorithms, self._languages)
        return Document.of(json.dumps(metadata).encode("ascii"), content_type="application/json", max_age=self._max_age)
