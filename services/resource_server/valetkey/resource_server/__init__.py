"""Protects an API with the access tokens of Valetkey, or of any RFC 9068 issuer.

Knows how to verify, how to introspect and how to refuse. Does not know how tokens are issued, and imports nothing
else of Valetkey.
"""

from valetkey.resource_server.access_token import AccessToken
from valetkey.resource_server.authorization_server import AuthorizationServer
from valetkey.resource_server.cache_policy import CachePolicy
from valetkey.resource_server.error import (
    BearerError,
    InsufficientScope,
    InsufficientUserAuthentication,
    InvalidRequest,
    InvalidToken,
    IssuerUnavailable,
    MissingToken,
)
from valetkey.resource_server.introspector import Introspector
from valetkey.resource_server.key_set import KeySet
from valetkey.resource_server.middleware import ACCESS_TOKEN, bearer_middleware, protect, public
from valetkey.resource_server.protection import Protection
from valetkey.resource_server.scope import requires
from valetkey.resource_server.step_up import requires_login
from valetkey.resource_server.verification import verify_access_token
from valetkey.resource_server.verifier import Verifier

__all__ = [
    "ACCESS_TOKEN",
    "AccessToken",
    "AuthorizationServer",
    "BearerError",
    "CachePolicy",
    "InsufficientScope",
    "InsufficientUserAuthentication",
    "Introspector",
    "InvalidRequest",
    "InvalidToken",
    "IssuerUnavailable",
    "KeySet",
    "MissingToken",
    "Protection",
    "Verifier",
    "bearer_middleware",
    "protect",
    "public",
    "requires",
    "requires_login",
    "verify_access_token",
]
