"""The client acts for itself. OAuth 2.1 §4.2."""

from collections import OrderedDict
from typing import NamedTuple, Self
from uuid import uuid4

from valetkey.core.authorization import Authorization
from valetkey.core.client import Client, GrantType
from valetkey.core.client_authentication import require_confidential
from valetkey.core.epoch import TokenEpochs
from valetkey.core.errors import InvalidScope
from valetkey.core.params import Params
from valetkey.core.ports import CatalogSource
from valetkey.core.resource import Catalog, parse_resource
from valetkey.core.scope import USER_SCOPES, Scope, parse_scope
from valetkey.token.grant import Grant, GrantPorts

_MOST_KNOWN = 10_240


class ClientCredentials(Grant):
    """Confidential clients only; no user, no refresh token, nothing stored."""

    grant_type = GrantType.CLIENT_CREDENTIALS
    parameters = frozenset({"scope", "resource"})

    def __init__(self, catalog: CatalogSource) -> None:
        self._catalog = catalog
        self._entitled: OrderedDict[tuple[str, str | None, tuple[str, ...]], _Entitled] = OrderedDict()

    @classmethod
    def from_ports(cls, ports: GrantPorts) -> Self:
        """See ``Grant``."""
        return cls(ports.catalog)

    async def authorize(self, params: Params, client: Client) -> Authorization:
        """The client's own authority, within what it is registered for. OAuth 2.1 §4.2.2."""
        require_confidential(client)
        catalog = await self._catalog.get()
        asked = client.client_id, params.get("scope"), params.all("resource")
        # A machine asks for the same thing all day long.
        entitled = self._entitled.get(asked)
        if entitled is None or entitled.client is not client or entitled.catalog is not catalog:
            entitled = _entitle(client, catalog, *asked[1:])
            self._entitled[asked] = entitled
            if len(self._entitled) > _MOST_KNOWN:
                self._entitled.popitem(last=False)
        return Authorization(
            authorization_id=uuid4(),
            client=client,
            epochs=TokenEpochs(client.installation_epoch, client.epoch),
            scope=entitled.scope,
            resources=entitled.resources,
        )


class _Entitled(NamedTuple):
    """What this registration is entitled to by this catalog."""

    client: Client
    catalog: Catalog
    scope: Scope
    resources: tuple[str, ...]


def _entitle(client: Client, catalog: Catalog, asked_scope: str | None, asked_resources: tuple[str, ...]) -> _Entitled:
    scope = parse_scope(asked_scope) or tuple(name for name in client.scope if name not in USER_SCOPES)
    if not scope or not USER_SCOPES.isdisjoint(scope):
        raise InvalidScope("no scope, or one that needs a user")
    catalog.require_scopes(scope, frozenset(client.scope))
    requested = parse_resource(asked_resources)
    if requested:
        catalog.require_resources(requested, catalog.resources_for(client))
    resources = catalog.targets(scope, requested)
    return _Entitled(client, catalog, catalog.scope_for(scope, resources), resources)
