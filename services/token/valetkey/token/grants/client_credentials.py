"""The client acts for itself. OAuth 2.1 §4.2."""

from typing import NamedTuple, Self
from uuid import uuid4

from valetkey.core.bounded_cache import BoundedCache
from valetkey.core.client.authentication.authenticate import require_confidential
from valetkey.core.client.client import AccessTokenTyp, Client, GrantType
from valetkey.core.client.installation_rules import USUAL_RULES, InstallationRules
from valetkey.core.epoch import TokenEpochs
from valetkey.core.oauth import causes
from valetkey.core.oauth.authorization import Authorization
from valetkey.core.oauth.errors import InvalidScope
from valetkey.core.oauth.params import Params
from valetkey.core.oauth.resource import Catalog, requested_resources
from valetkey.core.oauth.scope import USER_SCOPES, Scope, parse_scope
from valetkey.core.ports.clients import CatalogSource
from valetkey.token.grant import Grant, GrantPorts

# What is known, over all clients: at most so many clients, with so many questions each, and so many bytes.
MAX_CLIENTS = 10_240
MAX_QUESTIONS = 8
MAX_BYTES = 8 << 20
# Of a client without questions, and of a question without names; the names are the catalog's.
_CLIENT_BYTES, _QUESTION_BYTES, _POINTER_BYTES = 1200, 640, 8


class ClientCredentials(Grant):
    """Confidential clients only; no user, no refresh token, nothing stored."""

    grant_type = GrantType.CLIENT_CREDENTIALS
    parameters = frozenset({"scope", "resource", "audience"})

    def __init__(self, catalog: CatalogSource, rules: InstallationRules = USUAL_RULES) -> None:
        self._catalog = catalog
        self._rules = rules
        self._newest: Catalog | None = None
        self._version = 0
        self.known: BoundedCache[str, _Known] = BoundedCache(entries=MAX_CLIENTS, size=MAX_BYTES, share=1)

    @classmethod
    def from_ports(cls, ports: GrantPorts) -> Self:
        """See ``Grant``."""
        return cls(ports.catalog, ports.policy.rules)

    async def authorize(self, params: Params, client: Client) -> Authorization:
        """The client's own authority, within what it is registered for. OAuth 2.1 §4.2.2."""
        require_confidential(client)
        catalog = await self._catalog.get()
        resources = catalog.registered(requested_resources(params, client, self._rules))
        asked = parse_scope(params.get("scope")), resources
        known = self._known_of(client, catalog)
        # A machine asks for the same thing all day long.
        entitled = known.answers.get(asked)
        if entitled is None:
            entitled = _entitle(client, catalog, *asked)
            known.keep(entitled)
            self.known.put(client.client_id, known, owner=client.client_id, size=known.size)
        return Authorization(
            authorization_id=uuid4(),
            client=client,
            epochs=TokenEpochs(client.installation_epoch, client.epoch),
            scope=entitled.scope,
            resources=entitled.resources,
            access_token_typ=entitled.typ,
        )

    async def give_back(self, params: Params, authorization: Authorization) -> None:
        """See ``Grant``. Nothing has been taken."""

    def _known_of(self, client: Client, catalog: Catalog) -> "_Known":
        """What is known of this very registration by this very catalog. It is not kept before it holds an answer."""
        if catalog is not self._newest:
            # A number stands for the catalog: who has not asked for long must not keep an old one in memory.
            self._newest, self._version = catalog, self._version + 1
        known = self.known.find(client.client_id)
        if known is None or known.client is not client or known.version != self._version:
            return _Known(client, self._version)
        return known


_Asked = tuple[Scope, tuple[str, ...]]


class _Entitled(NamedTuple):
    """What was asked for, and what the client is entitled to of it."""

    asked: _Asked
    scope: Scope
    resources: tuple[str, ...]
    typ: AccessTokenTyp


class _Known:
    """What one registration is entitled to by one catalog: its last few questions, as they were parsed."""

    __slots__ = ("answers", "client", "size", "version")

    def __init__(self, client: Client, version: int) -> None:
        self.client = client
        self.version = version
        self.answers: dict[_Asked, _Entitled] = {}
        self.size = _CLIENT_BYTES

    def keep(self, entitled: _Entitled) -> None:
        """Keep an answer; the oldest makes room."""
        self.answers[entitled.asked] = entitled
        self.size += _size(entitled)
        if len(self.answers) > MAX_QUESTIONS:
            self.size -= _size(self.answers.pop(next(iter(self.answers))))


def _size(entitled: _Entitled) -> int:
    names = (*entitled.asked, entitled.scope, entitled.resources)
    return _QUESTION_BYTES + sum(map(len, names)) * _POINTER_BYTES


def _needs_user(name: str, catalog: Catalog) -> bool:
    # Up to release 0.2, an API could have a scope of its own that is called address or phone.
    registered = catalog.scopes.get(name)
    return name in USER_SCOPES and (registered is None or registered.resource is None)


def _entitle(client: Client, catalog: Catalog, scope: Scope, requested: tuple[str, ...]) -> _Entitled:
    asked_scope = scope or tuple(name for name in client.scope if not _needs_user(name, catalog))
    if not asked_scope or any(_needs_user(name, catalog) for name in asked_scope):
        raise InvalidScope.of(causes.NO_SCOPE_WITHOUT_USER)
    catalog.require_scopes(asked_scope, frozenset(client.scope))
    if requested:
        catalog.require_resources(requested, catalog.resources_for(client))
    # What is kept are names that the catalog has, and none that a request brought along.
    scope, requested = catalog.same_scopes(scope), catalog.same_resources(requested)
    resources = catalog.targets(asked_scope, requested)
    granted = catalog.scope_for(catalog.same_scopes(asked_scope), resources)
    return _Entitled((scope, requested), granted, resources, catalog.access_token_typ(resources))
