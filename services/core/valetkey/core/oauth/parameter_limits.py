"""How long the parameters of an authorization request may be, in one table, and how much of a request is kept.

Not in it: what has one length or a few values (``response_type``, ``response_mode``, ``code_challenge``); what of which
a few words are kept (``acr_values``, those that we know; ``ui_locales``, see ``core.language``); and what is neither
read nor kept (``display``, unknown ones). The size of a request bounds them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from valetkey.core.authentication.user import MAX_LOGIN_NAME_LENGTH
from valetkey.core.client.registration import MAX_CLIENT_ID_LENGTH
from valetkey.core.jose.verify_own import MAX_TOKEN_LENGTH
from valetkey.core.oauth import causes, resource, scope
from valetkey.core.oauth.errors import InvalidRequest, InvalidScope, InvalidTarget, OAuthError
from valetkey.core.oauth.redirect_uri import MAX_LENGTH as MAX_REDIRECT_URI_LENGTH
from valetkey.core.oidc.claims.request import MAX_LENGTH as MAX_CLAIMS_LENGTH
from valetkey.core.oidc.claims.request import MAX_SUBJECT_LENGTH

if TYPE_CHECKING:
    from valetkey.core.oauth.authorization_request import AuthorizationRequest
    from valetkey.core.oauth.params import Params

MAX_KEPT = 5632
# What a message adds to each text.
_PER_TEXT = 4
_KILOBYTE = 1024


class Limit(NamedTuple):
    """``most`` bytes of UTF-8 in each value; what is ``kept`` of it until the user has signed in, in words.

    ``error`` goes to the client, unless the parameter is one that has to be right before anything may go there.
    """

    name: str
    most: int
    kept: str
    error: type[OAuthError] = InvalidRequest
    values: int = 1


_TABLE = (
    Limit("client_id", MAX_CLIENT_ID_LENGTH, "whole"),
    Limit("redirect_uri", MAX_REDIRECT_URI_LENGTH, "whole"),
    Limit("state", 4096, "whole"),
    Limit("scope", scope.MAX_LENGTH, f"at most {scope.MAX_NAMES} registered names", InvalidScope),
    Limit("resource", resource.MAX_LENGTH, "registered identifiers", InvalidTarget, resource.MAX_RESOURCES),
    Limit("nonce", 512, "whole"),
    Limit("prompt", 64, "each word once"),
    Limit("max_age", 10, "a number"),
    Limit("login_hint", 8192, f"where it may be a login name, which has at most {MAX_LOGIN_NAME_LENGTH} characters"),
    Limit("id_token_hint", MAX_TOKEN_LENGTH, "the subject, 16 bytes"),
    Limit("claims", MAX_CLAIMS_LENGTH, f"names that we support, and a `sub` of at most {MAX_SUBJECT_LENGTH} bytes"),
)
LIMITS = {limit.name: limit for limit in _TABLE}


def is_too_long(name: str, value: str) -> bool:
    """Whether a value of this parameter is longer than it may be."""
    return _bytes(value) > LIMITS[name].most


def require_within_limits(params: Params) -> None:
    """Raise the error of the first parameter that is too long; the private reason names it. RFC 6749 §4.1.2.1."""
    for limit in _TABLE:
        for value in params.all(limit.name):
            if _bytes(value) > limit.most:
                raise limit.error.of(causes.too_long(limit.name, limit.most))


def require_compact(request: AuthorizationRequest) -> None:
    """Raise ``InvalidRequest`` where the whole would be too much to keep, however short its parts are."""
    if kept_bytes(request) > MAX_KEPT:
        raise InvalidRequest(f"what would be kept of the request is longer than {MAX_KEPT} bytes")


def kept_bytes(request: AuthorizationRequest) -> int:
    """At least what the texts of the request take in a message."""
    redirect, claims = request.redirect, request.claims
    texts = [
        request.client_id,
        redirect.redirect_uri,
        redirect.response_mode,
        redirect.state or "",
        request.code_challenge,
        request.nonce or "",
        request.login_hint or "",
        claims.subject or "",
        *request.scope,
        *request.resources,
        *request.prompt,
        *claims.userinfo,
        *claims.id_token,
        *claims.essential_acr,
        *request.acr_values,
        *request.ui_locales,
    ]
    return _bytes("".join(texts)) + _PER_TEXT * len(texts)


def kept_kilobytes(request: AuthorizationRequest) -> int:
    """What the request weighs where what is kept is limited: its kilobytes, begun ones included."""
    return -(-kept_bytes(request) // _KILOBYTE)


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())
