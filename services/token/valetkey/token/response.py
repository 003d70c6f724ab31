"""TokenSet to JSON. RFC 6749 §5.1."""

from aiohttp import web

from valetkey.core.oauth.authorization import TokenSet
from valetkey.core.oauth.scope import format_scope
from valetkey.runtime.http.responses import no_store_json


def token_response(tokens: TokenSet) -> web.Response:
    """The successful response; ``scope`` is in it always, whatever was asked for."""
    body: dict[str, object] = {
        "access_token": tokens.access_token,
        "token_type": tokens.token_type,
        "expires_in": tokens.expires_in,
        "scope": format_scope(tokens.scope),
    }
    if tokens.refresh_token is not None:
        body["refresh_token"] = tokens.refresh_token
    if tokens.id_token is not None:
        body["id_token"] = tokens.id_token
    return no_store_json(body)
