"""Registered scopes and resource servers. ``catalog_cache`` is the catalog for every request."""

from __future__ import annotations

from sys import intern

import asyncpg

from valetkey.core.client.client import AccessTokenTyp
from valetkey.core.oauth.resource import Catalog, RegisteredScope, ResourceServer
from valetkey.storage.postgres.database.errors import Conflict
from valetkey.storage.postgres.database.statement import Executor, Statement

_LIST_SCOPES = Statement("catalog.list_scopes", "SELECT name, description, resource FROM scopes ORDER BY name")
_LIST_RESOURCES = Statement(
    "catalog.list_resources",
    """
    SELECT resource, client_name, metadata->>'access_token_typ' AS access_token_typ
    FROM clients WHERE resource IS NOT NULL ORDER BY resource
    """,
)
_PUT_SCOPE = Statement(
    "catalog.put_scope",
    """
    INSERT INTO scopes (name, description, resource) VALUES ($1, $2, $3)
    ON CONFLICT (name) DO UPDATE SET description = excluded.description, resource = excluded.resource
    """,
)
_DELETE_SCOPE = Statement("catalog.delete_scope", "DELETE FROM scopes WHERE name = $1 RETURNING name")


class CatalogStore:
    """The catalog as it is now, and the operations on scopes. A resource server is a client with a ``resource``."""

    def __init__(self, database: Executor) -> None:
        self._database = database

    async def get(self) -> Catalog:
        """Every registered scope and every resource server. Catalogs that follow each other share their names."""
        scopes = await self._database.fetch(_LIST_SCOPES)
        resources = await self._database.fetch(_LIST_RESOURCES)
        return Catalog(
            scopes={
                (name := intern(row["name"])): RegisteredScope(
                    name, row["description"], None if row["resource"] is None else intern(row["resource"])
                )
                for row in scopes
            },
            resources={
                (identifier := intern(row["resource"])): ResourceServer(
                    identifier, row["client_name"], AccessTokenTyp(row["access_token_typ"] or AccessTokenTyp.AT_JWT)
                )
                for row in resources
            },
        )

    async def put_scope(self, scope: RegisteredScope) -> None:
        """Register a scope or replace its description and resource. Raises ``Conflict`` for an unknown resource."""
        try:
            await self._database.execute(_PUT_SCOPE, scope.name, scope.description, scope.resource)
        except asyncpg.ForeignKeyViolationError as error:
            raise Conflict(f"No client is the resource server {scope.resource}.") from error

    async def delete_scope(self, name: str) -> bool:
        """Unregister a scope; False if there was none."""
        return await self._database.fetch_row(_DELETE_SCOPE, name) is not None
