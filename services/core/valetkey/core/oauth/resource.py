"""Resource indicators, and the catalog of registered scopes and resource servers. RFC 8707."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from valetkey.core.client.client import AccessTokenTyp
from valetkey.core.oauth import causes
from valetkey.core.oauth.errors import InvalidScope, InvalidTarget
from valetkey.core.oidc.claims.table import STANDARD_CLAIMS, ClaimTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from valetkey.core.client.client import Client
    from valetkey.core.client.installation_rules import InstallationRules
    from valetkey.core.oauth.params import Params
    from valetkey.core.oauth.scope import Scope

MAX_RESOURCES = 8
MAX_LENGTH = 512
_URI_CHARACTERS = re.compile(r"[A-Za-z0-9\-._~:/?\[\]@!$&'()*+,;=%]+")


_EMPTY_PATH = re.compile(r"(?P<origin>https?://[^/?#]+)(?P<slash>/?)(?P<query>(?:\?.*)?)")


@dataclass(frozen=True, slots=True)
class RegisteredScope:
    """A scope that a client may request, described in words for the consent page.

    ``resource`` is the identifier of the resource server that understands it, or None where it is about the user.
    ``translations`` are the description in other languages, by language tag (BCP 47).
    """

    name: str
    description: str
    resource: str | None = None
    translations: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class ResourceServer:
    """An API that tokens are made for. ``identifier`` is the URI that goes into ``aud``."""

    identifier: str
    name: str
    access_token_typ: AccessTokenTyp = AccessTokenTyp.AT_JWT


def is_resource_identifier(value: str) -> bool:
    """Whether this is an absolute URI without a fragment, in bounded, plain characters. RFC 8707 §2."""
    if len(value) > MAX_LENGTH or not _URI_CHARACTERS.fullmatch(value):
        return False
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return bool(parts.scheme) and bool(parts.netloc or (parts.path and not parts.path.startswith("/")))


def parse_resource(values: Iterable[str]) -> tuple[str, ...]:
    """The distinct resource indicators of a request; ``InvalidTarget`` where one is malformed. RFC 8707 §2."""
    resources = tuple(dict.fromkeys(values))
    if len(resources) > MAX_RESOURCES:
        raise InvalidTarget.of(causes.RESOURCE_TOO_MANY)
    if not all(is_resource_identifier(value) for value in resources):
        raise InvalidTarget.of(causes.RESOURCE_MALFORMED)
    return resources


def requested_resources(params: Params, client: Client, installation: InstallationRules) -> tuple[str, ...]:
    """The resource indicators of a request, and its ``audience`` where that means the same. RFC 8707 §2.

    Raises ``InvalidTarget`` where one is malformed, or ``audience`` means nothing.
    """
    audience = params.all("audience")
    if not audience:
        return parse_resource(params.all("resource"))
    if not client.takes_audience(installation):
        raise InvalidTarget.of(causes.AUDIENCE_REFUSED)
    return parse_resource((*params.all("resource"), *audience))


def other_spelling(identifier: str) -> str | None:
    """The same http or https URI without the slash of its empty path, or with it; None for others. RFC 3986 §6.2.3."""
    found = _EMPTY_PATH.fullmatch(identifier)
    if found is None:
        return None
    return f"{found['origin']}{'' if found['slash'] else '/'}{found['query']}"


def narrow_resource(granted: tuple[str, ...], requested: tuple[str, ...]) -> tuple[str, ...]:
    """The resources a token request asks for, within those granted. Omitted means all of them. RFC 8707 §2.2.

    Raises ``InvalidTarget`` for a resource that the grant does not cover.
    """
    if not requested:
        return granted
    if not set(requested) <= set(granted):
        raise InvalidTarget.of(causes.RESOURCE_NOT_GRANTED)
    return requested


@dataclass(frozen=True, slots=True)
class Catalog:
    """Every registered scope by name, every resource server by identifier, and the claims about users.

    ``required_acr`` is how strongly the members of a group have to sign in, by the names of groups that demand it.
    """

    scopes: Mapping[str, RegisteredScope]
    resources: Mapping[str, ResourceServer]
    claim_table: ClaimTable = STANDARD_CLAIMS
    required_acr: Mapping[str, str] = field(default_factory=dict)

    def without_issuer(self, issuer: str) -> Catalog:
        """The same without a resource server that calls itself by the issuer's name, and without its scopes.

        Tokens for no resource have the issuer as their audience: all of them would be meant for it. RFC 9068 §3.
        """
        if issuer not in self.resources:
            return self
        return replace(
            self,
            scopes={name: scope for name, scope in self.scopes.items() if scope.resource != issuer},
            resources={name: server for name, server in self.resources.items() if name != issuer},
        )

    def registered(self, resources: tuple[str, ...]) -> tuple[str, ...]:
        """The same resources as they are registered, where only the slash of an empty path differs. RFC 3986 §6.2.3."""
        if self.resources.keys() >= set(resources):
            return resources
        return tuple(dict.fromkeys(map(self._registered, resources)))

    def _registered(self, identifier: str) -> str:
        other = None if identifier in self.resources else other_spelling(identifier)
        return other if other is not None and other in self.resources else identifier

    def require_scopes(self, scope: Scope, allowed: frozenset[str]) -> None:
        """Raise ``InvalidScope`` unless every name is registered here and allowed to the client."""
        for name in scope:
            if name not in self.scopes or name not in allowed:
                raise InvalidScope.of(causes.SCOPE_NOT_REGISTERED)

    def require_resources(self, resources: tuple[str, ...], allowed: frozenset[str]) -> None:
        """Raise ``InvalidTarget`` unless every resource is registered here and allowed to the client. RFC 8707 §2."""
        for identifier in resources:
            if identifier not in self.resources or identifier not in allowed:
                raise InvalidTarget.of(causes.RESOURCE_NOT_REGISTERED)

    def resources_for(self, client: Client) -> frozenset[str]:
        """The resources a client may ask tokens for: its own list, and those that its scopes belong to."""
        return client.resources | frozenset(self.resources_of(client.scope))

    def resources_of(self, scope: Iterable[str]) -> tuple[str, ...]:
        """The resource servers that understand these scopes, each once, in the order of the scopes."""
        found = (self.scopes[name].resource for name in scope if name in self.scopes)
        return tuple(dict.fromkeys(resource for resource in found if resource is not None))

    def same_scopes(self, scope: Scope) -> Scope:
        """The same scopes by the names that are kept here, for keeping; ``KeyError`` unless all are registered."""
        return tuple(self.scopes[name].name for name in scope)

    def same_resources(self, resources: tuple[str, ...]) -> tuple[str, ...]:
        """The same resources by the identifiers that are kept here; ``KeyError`` unless all are registered."""
        return tuple(self.resources[identifier].identifier for identifier in resources)

    def targets(self, scope: Scope, requested: tuple[str, ...]) -> tuple[str, ...]:
        """The resources a grant is for: those asked for, otherwise those that its scopes belong to."""
        return requested or self.resources_of(scope)

    def access_token_typ(self, resources: tuple[str, ...]) -> AccessTokenTyp:
        """The ``typ`` of a token for these resources: another than RFC 9068's only where all of them want it."""
        wanted = {self.resources[name].access_token_typ for name in resources if name in self.resources}
        return AccessTokenTyp.JWT if wanted == {AccessTokenTyp.JWT} else AccessTokenTyp.AT_JWT

    def scope_for(self, scope: Scope, resources: tuple[str, ...]) -> Scope:
        """The scopes that mean something at these resources: a token carries no scope of an API it is not for.

        RFC 8707 §2.2: the access token's scope is narrowed to what the resource understands.
        """
        return tuple(
            name
            for name in scope
            if (registered := self.scopes.get(name)) is not None
            and (registered.resource is None or registered.resource in resources)
        )
