"""The endpoints: from HTTP to the parts, and back."""

from __future__ import annotations

from aiohttp import web

from valetkey.core.client.authentication.authenticate import require_confidential
from valetkey.core.oauth.errors import InsufficientScope, InvalidRequest, InvalidToken
from valetkey.core.oauth.scope import OPENID
from valetkey.introspection.document import Document
from valetkey.introspection.service import SERVICE
from valetkey.runtime.http.bearer import bearer_token
from valetkey.runtime.http.errors import bearer_failure
from valetkey.runtime.http.forms import FORM, read_form, refuse_query_credentials
from valetkey.runtime.http.responses import no_store_json

_INTROSPECTION_HEADERS = {"Content-Type": "application/json", "Cache-Control": "no-store"}


async def introspect(request: web.Request) -> web.Response:
    """The introspection endpoint. RFC 7662 §2. ``token_type_hint`` is not needed: our tokens tell what they are."""
    service = request.app[SERVICE]
    refuse_query_credentials(request)
    params = await read_form(request)
    caller = await service.authenticator.authenticate(request, params)
    require_confidential(caller)
    service.client_rate.take(caller)
    answer = await service.introspector.introspect(params.required("token"), caller)
    return web.Response(body=answer, headers=_INTROSPECTION_HEADERS)


async def userinfo(request: web.Request) -> web.Response:
    """The UserInfo endpoint, by GET or POST. OIDC Core §5.3, RFC 6750 §2, §3."""
    try:
        form = await read_form(request) if request.method == "POST" and request.content_type == FORM else None
        token = bearer_token(request, form)
        if token is None:
            return bearer_failure(request)
        return no_store_json(await request.app[SERVICE].user_info.claims(token))
    except InsufficientScope as error:
        return bearer_failure(request, error, scope=OPENID)
    except (InvalidRequest, InvalidToken) as error:
        return bearer_failure(request, error)


async def jwks(request: web.Request) -> web.Response:
    """The JWK Set, from memory. RFC 7517 §5, §8.5."""
    service = request.app[SERVICE]
    published = service.jwk_set
    document = Document(published.document.encode(), published.etag, "application/jwk-set+json", service.jwks_max_age)
    return document.response(request)


async def metadata(request: web.Request) -> web.Response:
    """Either discovery document, at any of its places. RFC 8414 §3, OIDC Discovery §4."""
    return (await request.app[SERVICE].discovery.document()).response(request)


async def passkey_endpoints(request: web.Request) -> web.Response:
    """Where passkeys are enrolled and looked after. W3C, A Well-Known URL for Relying Party Passkey Endpoints §2."""
    document = request.app[SERVICE].passkey_endpoints
    if document is None:
        raise web.HTTPNotFound
    return document.response(request)


async def change_password(request: web.Request) -> web.Response:
    """To the page for a new password. W3C, A Well-Known URL for Changing Passwords §4."""
    location = request.app[SERVICE].change_password_uri
    return web.Response(status=303, headers={"Location": location, "Cache-Control": "no-store"})
