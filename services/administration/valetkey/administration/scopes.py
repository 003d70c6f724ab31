"""Scopes that clients may ask for. RFC 6749 §3.3."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from valetkey.administration.errors import Conflict, NotFound, Refused
from valetkey.administration.scope_registration import scope_problems
from valetkey.core.oauth.scope import USER_SCOPES
from valetkey.storage.postgres.tables.catalog import CatalogStore
from valetkey.storage.postgres.tables.clients import Clients

if TYPE_CHECKING:
    from collections.abc import Mapping

    from valetkey.administration.installation import Installation
    from valetkey.core.oauth.resource import RegisteredScope


async def list_scopes(installation: Installation) -> list[RegisteredScope]:
    """Every registered scope."""
    return list((await CatalogStore(installation.database).get()).scopes.values())


async def create_scope(installation: Installation, scope: RegisteredScope) -> None:
    """Register a scope. Raises ``Refused`` with every problem, ``Conflict`` where the name is taken."""
    if problems := scope_problems(scope):
        raise Refused(*problems)
    catalog = CatalogStore(installation.database)
    if scope.name in (await catalog.get()).scopes:
        raise Conflict(f"The scope {scope.name} is already registered; `valetkey client apply` can change it.")
    with installation.audited("scope.created", scope=scope.name):
        await catalog.put_scope(scope)


async def update_scope(
    installation: Installation,
    name: str,
    *,
    description: str | None = None,
    resource: str | None = None,
    translations: Mapping[str, str] | None = None,
) -> RegisteredScope:
    """Change what is said of a scope, or which resource server it belongs to; None leaves it, "" takes it away.

    ``translations`` are the description by language tag; languages that are not named stay as they are.
    Raises ``NotFound``, ``Refused`` with every problem, and ``storage`` ``Conflict`` for a resource of no client.
    """
    catalog = CatalogStore(installation.database)
    before = (await catalog.get()).scopes.get(name)
    if before is None:
        raise NotFound("scope", name)
    scope = replace(
        before,
        description=before.description if description is None else description,
        resource=before.resource if resource is None else resource or None,
        translations={tag: text for tag, text in {**before.translations, **(translations or {})}.items() if text},
    )
    if problems := scope_problems(scope):
        raise Refused(*problems)
    with installation.audited("scope.updated", scope=name):
        await catalog.put_scope(scope)
    return scope


async def clients_with_scope(installation: Installation, name: str) -> list[str]:
    """The clients that have a scope which may be deleted. Raises ``Refused`` and ``NotFound``."""
    if name in USER_SCOPES:
        raise Refused(f"{name} is part of OpenID Connect and stays.")
    if name not in (await CatalogStore(installation.database).get()).scopes:
        raise NotFound("scope", name)
    records = await Clients(installation.database).list()
    return [record.client.client_id for record in records if name in record.client.scope]


async def delete_scope(installation: Installation, name: str) -> None:
    """Unregister a scope. No client can ask for it any more; tokens that have it keep it until they expire."""
    with installation.audited("scope.deleted", scope=name):
        await CatalogStore(installation.database).delete_scope(name)
