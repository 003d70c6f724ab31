"""The client acts for itself. OAuth 2.1 §4.2."""

from typing import Self
from uuid import uuid4

from valetkey.core.authorization import Authorization
from valetkey.core.client import Client, GrantType
from valetkey.core.client_authentication import require_confidential
from valetkey.core.errors import InvalidScope
from valetkey.core.params import Params
from valetkey.core.ports import CatalogSource
from valetkey.core.resource import parse_resource
from valetkey.core.scope import USER_SCOPES, parse_scope
from valetkey.token.grant import Grant, GrantPorts


class ClientCredentials(Grant):
    """Confidential clients only; no user, no refresh token, nothing stored."""

    grant_type = GrantType.CLIENT_CREDENTIALS
    parameters = frozenset({"scope", "resource"})

    def __init__(self, catalog: CatalogSource) -> None:
        self._catalog = catalog

    @classmethod
    def from_ports(cls, ports: GrantPorts) -> Self:
        """See ``Grant``."""
        return cls(ports.catalog)

    async def authorize(self, params: Params, client: Client) -> Authorization:
        """The client's own authority, within what it is registered for. OAuth 2.1 §4.2.2."""
        require_confidential(client)
        catalog = await self._catalog.get()
        scope = parse_scope(params.get("scope")) or tuple(name for name in client.scope if name not in USER_SCOPES)
        if not scope or not USER_SCOPES.isdisjoint(scope):
            raise InvalidScope("no scope, or one that needs a user")
        catalog.require_scopes(scope, frozenset(client.scope))
        requested = parse_resource(params.all("resource"))
        if requested:
            catalog.require_resources(requested, catalog.resources_for(client))
        resources = catalog.targets(scope, requested)
        return Authorization(
            authorization_id=uuid4(),
            client=client,
            scope=catalog.scope_for(scope, resources),
            resources=resources,
        )
