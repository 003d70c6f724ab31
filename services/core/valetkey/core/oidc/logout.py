"""RP-initiated logout: whom to believe and where to go afterwards. OpenID Connect RP-Initiated Logout 1.0 §2, §3."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from valetkey.core.oauth import causes
from valetkey.core.oauth.errors import InvalidRequest
from valetkey.core.oauth.parameter_limits import LIMITS, is_too_long
from valetkey.core.oauth.redirect_uri import append_response, response_target

if TYPE_CHECKING:
    from collections.abc import Mapping

    from valetkey.core.client.client import Client
    from valetkey.core.oauth.params import Params


@dataclass(frozen=True, slots=True)
class LogoutRequest:
    """The parameters of a logout request, not yet believed."""

    id_token_hint: str | None
    client_id: str | None
    post_logout_redirect_uri: str | None
    state: str | None


def parse_logout_request(params: Params) -> LogoutRequest:
    """Read the parameters; ``InvalidRequest`` for repeats and for values out of bounds."""
    params.reject_repeats()
    hint, state = params.get("id_token_hint"), params.get("state")
    for name in ("id_token_hint", "state"):
        if is_too_long(name, params.get(name) or ""):
            raise InvalidRequest.of(causes.too_long(name, LIMITS[name].most))
    return LogoutRequest(hint, params.get("client_id"), params.get("post_logout_redirect_uri"), state)


def hinted_client_id(claims: Mapping[str, object], client_id: str | None) -> str:
    """The client an ID token hint was issued to; ``InvalidRequest`` where ``client_id`` says another. Logout §2."""
    audience = claims.get("aud")
    if not isinstance(audience, str) or client_id not in (None, audience):
        raise InvalidRequest.of(causes.HINT_OF_ANOTHER)
    return audience


def post_logout_location(request: LogoutRequest, client: Client | None) -> str | None:
    """Where to send the browser afterwards; None to stay on our own page. Logout §3.

    Only an exactly registered URI, of a client that the request identifies. ``InvalidRequest`` for any other URI.
    """
    uri = request.post_logout_redirect_uri
    if uri is None:
        return None
    if client is None and request.id_token_hint is None and request.client_id is None:
        raise InvalidRequest.of(causes.LOGOUT_CLIENT_MISSING)
    if client is None or uri not in client.post_logout_redirect_uris:
        raise InvalidRequest.of(causes.LOGOUT_URI_NOT_REGISTERED)
    target = response_target(uri)
    return target if request.state is None else append_response(target, [("state", request.state)])
