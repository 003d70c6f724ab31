"""Registered scopes, resource servers and attributes of users. ``catalog_cache`` is the catalog for every request."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from sys import intern

import asyncpg

from valetkey.core.client.client import AccessTokenTyp
from valetkey.core.oauth.resource import Catalog, RegisteredScope, ResourceServer
from valetkey.core.oidc.claims.attribute import AttributeType, UserAttribute, claim_table
from valetkey.storage.postgres.database.errors import Conflict
from valetkey.storage.postgres.database.statement import Executor, Statement
from valetkey.storage.postgres.tables.rows import to_json

_LIST_SCOPES = Statement(
    "catalog.list_scopes", "SELECT name, description, resource, translations FROM scopes ORDER BY name"
)
_LIST_RESOURCES = Statement(
    "catalog.list_resources",
    """
    SELECT resource, client_name, metadata->>'access_token_typ' AS access_token_typ
    FROM clients WHERE resource IS NOT NULL ORDER BY resource
    """,
)
_LIST_ATTRIBUTES = Statement(
    "catalog.list_attributes", "SELECT name, type, claim, scope, managed_by FROM user_attributes ORDER BY name"
)
_LIST_REQUIRED_ACR = Statement(
    "catalog.list_required_acr", "SELECT name, required_acr FROM groups WHERE required_acr IS NOT NULL ORDER BY name"
)
_PUT_SCOPE = Statement(
    "catalog.put_scope",
    """
    INSERT INTO scopes (name, description, resource, translations) VALUES ($1, $2, $3, $4)
    ON CONFLICT (name) DO UPDATE
    SET description = excluded.description, resource = excluded.resource, translations = excluded.translations
    """,
)
_DELETE_SCOPE = Statement("catalog.delete_scope", "DELETE FROM scopes WHERE name = $1 RETURNING name")
_PUT_ATTRIBUTE = Statement(
    "catalog.put_attribute",
    """
    INSERT INTO user_attributes (name, type, claim, scope, managed_by) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (name) DO UPDATE
    SET claim = excluded.claim, scope = excluded.scope, managed_by = excluded.managed_by
    """,
)
# One that is declared again under this name begins without values.
_DELETE_ATTRIBUTE = Statement(
    "catalog.delete_attribute",
    """
    WITH emptied AS (
        UPDATE users SET claims = claims - $1, updated_at = greatest(updated_at, $2) WHERE claims ? $1
    )
    DELETE FROM user_attributes WHERE name = $1 RETURNING name
    """,
)


@dataclass(frozen=True, slots=True)
class AttributeRecord:
    """An attribute as an operator sees it. ``managed_by`` is the owner in whose name it was applied."""

    attribute: UserAttribute
    managed_by: str | None = None


class CatalogStore:
    """The catalog as it is now, and the operations on scopes and attributes.

    A resource server is a client with a ``resource``.
    """

    def __init__(self, database: Executor) -> None:
        self._database = database

    async def get(self) -> Catalog:
        """Every registered scope and every resource server. Catalogs that follow each other share their names."""
        rows = await self._database.fetch(_LIST_SCOPES)
        resources = await self._database.fetch(_LIST_RESOURCES)
        attributes = [record.attribute for record in await self.list_attributes()]
        scopes = {
            (name := intern(row["name"])): RegisteredScope(
                name,
                row["description"],
                None if row["resource"] is None else intern(row["resource"]),
                json.loads(row["translations"]),
            )
            for row in rows
        }
        return Catalog(
            scopes=scopes,
            resources={
                (identifier := intern(row["resource"])): ResourceServer(
                    identifier, row["client_name"], AccessTokenTyp(row["access_token_typ"] or AccessTokenTyp.AT_JWT)
                )
                for row in resources
            },
            claim_table=claim_table(attributes, scopes),
            required_acr={
                intern(row["name"]): intern(row["required_acr"])
                for row in await self._database.fetch(_LIST_REQUIRED_ACR)
            },
        )

    async def list_attributes(self) -> list[AttributeRecord]:
        """Every declared attribute, by name."""
        rows = await self._database.fetch(_LIST_ATTRIBUTES)
        return [
            AttributeRecord(
                UserAttribute(row["name"], AttributeType(row["type"]), row["claim"], row["scope"]), row["managed_by"]
            )
            for row in rows
        ]

    async def put_attribute(self, attribute: UserAttribute, managed_by: str | None = None) -> None:
        """Declare an attribute, or give it another claim and scope. Its type stays: there may be values.

        Raises ``Conflict`` for an unknown scope and for a claim of another attribute.
        """
        try:
            await self._database.execute(
                _PUT_ATTRIBUTE, attribute.name, attribute.type, attribute.claim, attribute.scope, managed_by
            )
        except asyncpg.ForeignKeyViolationError as error:
            raise Conflict(f"The scope {attribute.scope} is not registered.") from error
        except asyncpg.UniqueViolationError as error:
            raise Conflict(f"The claim {attribute.claim} is made from another attribute already.") from error

    async def delete_attribute(self, name: str, now: datetime) -> bool:
        """Forget an attribute with the values that users have; False if there was none."""
        return await self._database.fetch_row(_DELETE_ATTRIBUTE, name, now) is not None

    async def put_scope(self, scope: RegisteredScope) -> None:
        """Register a scope or replace what it says and its resource. Raises ``Conflict`` for an unknown resource."""
        try:
            await self._database.execute(
                _PUT_SCOPE, scope.name, scope.description, scope.resource, to_json(scope.translations)
            )
        except asyncpg.ForeignKeyViolationError as error:
            raise Conflict(f"No client is the resource server {scope.resource}.") from error

    async def delete_scope(self, name: str) -> bool:
        """Unregister a scope; False if there was none. Raises ``Conflict`` where it opens an attribute."""
        try:
            return await self._database.fetch_row(_DELETE_SCOPE, name) is not None
        except asyncpg.ForeignKeyViolationError as error:
            raise Conflict(f"The scope {name} opens an attribute of users; delete that one first.") from error
