"""What the endpoints of this service are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from valetkey.introspection.discovery import Discovery
    from valetkey.introspection.document import Document
    from valetkey.introspection.introspector import Introspector
    from valetkey.introspection.sources import PublishedJwkSet
    from valetkey.introspection.user_info import UserInfo
    from valetkey.runtime.http.client_authenticator import ClientAuthenticator
    from valetkey.runtime.http.limits.client_rate import ClientRate


@dataclass(frozen=True, slots=True)
class IntrospectionService:
    """The parts behind the endpoints. ``max_age`` of the JWK Set is in seconds.

    ``passkey_endpoints`` is None where the issuer has no passkeys. ``change_password_uri`` is a page for people.
    """

    authenticator: ClientAuthenticator
    introspector: Introspector
    user_info: UserInfo
    discovery: Discovery
    jwk_set: PublishedJwkSet
    jwks_max_age: int
    client_rate: ClientRate
    passkey_endpoints: Document | None
    change_password_uri: str


SERVICE = web.AppKey("introspection_service", IntrospectionService)
