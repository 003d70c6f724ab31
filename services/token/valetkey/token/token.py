"""The token endpoint. OAuth 2.1 §3.2."""

from aiohttp import web

from valetkey.core.oauth.errors import OAuthError
from valetkey.runtime.http.forms import read_form, refuse_query_credentials
from valetkey.token.response import token_response
from valetkey.token.service import SERVICE

UNKNOWN_GRANT = "unknown"


async def token(request: web.Request) -> web.Response:
    """Exchange a grant for tokens. Raises an ``OAuthError``. RFC 6749 §3.2, §5."""
    service = request.app[SERVICE]
    grant_type, client = UNKNOWN_GRANT, None
    try:
        refuse_query_credentials(request)
        params = await read_form(request)
        client = await service.authenticator.authenticate(request, params)
        service.client_rate.take(client)
        grant = service.grants.find(params.required("grant_type"), client)
        grant_type = grant.grant_type
        service.issuer.require_ready(client)
        authorization = await grant.authorize(params.only(grant.parameters), client)
        if authorization.user is not None:
            await service.require_admitted(authorization, authorization.user)
        try:
            tokens = service.issuer.issue(authorization)
        except OAuthError:
            await grant.give_back(params, authorization)
            raise
    except OAuthError as error:
        service.count_refusal(grant_type, error, client)
        raise
    service.count(grant_type, authorization, tokens)
    return token_response(tokens)
