"""The revocation endpoint. RFC 7009."""

from uuid import UUID

from aiohttp import web

from valetkey.core.client.client import Client
from valetkey.core.jose.verify_own import require_issued_by, require_unexpired
from valetkey.core.oauth.access_token import AccessToken, verify_access_token
from valetkey.core.oauth.errors import InvalidScope, InvalidToken
from valetkey.core.oauth.refresh_token import RefreshToken
from valetkey.core.oauth.revocation import Revocation, RevocationTarget, authorization_target, token_target
from valetkey.runtime.http.address import caller_address
from valetkey.runtime.http.forms import read_form, refuse_query_credentials
from valetkey.runtime.telemetry import audit
from valetkey.token.service import SERVICE, TokenService


async def revoke(request: web.Request) -> web.Response:
    """Revoke a token of the client's own. Raises an ``OAuthError``. RFC 7009 §2.

    200 says that the token is dead, whether or not it was alive, known or the client's: another client's token stays as
    it is, and the answer does not tell that it exists. A store that is away is a 503, never a 200.
    ``token_type_hint`` is not needed: our tokens tell what they are.
    """
    service = request.app[SERVICE]
    refuse_query_credentials(request)
    params = await read_form(request)
    client = await service.authenticator.authenticate(request, params)
    value = params.required("token")
    token = service.refresh_tokens.decode(value)
    if token is None:
        await _revoke_access_token(service, client, value)
    else:
        await _revoke_refresh_token(service, client, token)
    return web.Response(headers={"Cache-Control": "no-store"})


async def _revoke_refresh_token(service: TokenService, client: Client, token: RefreshToken) -> None:
    """End the whole authorization, whichever generation was presented. RFC 7009 §2.1."""
    state = await service.authorizations.find_state(token.authorization_id, service.clock())
    if state is not None and state.client_uid == client.uid:
        await _record(service, client, authorization_target(token.authorization_id), token.authorization_id)


async def _revoke_access_token(service: TokenService, client: Client, value: str) -> None:
    """End this one access token. RFC 7009 §2.1. Raises ``TooManyRequests`` where there have been too many."""
    try:
        claims = verify_access_token(value, service.keys.key_set)
        require_issued_by(claims, service.policy.issuer)
        require_unexpired(claims, service.clock())
        token = AccessToken.from_claims(claims)
    except (InvalidToken, InvalidScope):
        return
    if token.client_id == client.client_id:
        token_id = token.token_id
        await service.revocation_limit.require(client, token_id.authorization_id)
        await _record(service, client, token_target(str(token_id)), token_id.authorization_id, jti=str(token_id))


async def _record(
    service: TokenService, client: Client, target: RevocationTarget, authorization_id: UUID, *, jti: str = ""
) -> None:
    now = service.clock()
    await service.revoker.revoke([Revocation(target, now, now + service.policy.access_token_lifetime)])
    audit.emit(
        audit.AuditEvent(
            type="token.revoked",
            outcome="success",
            reason=f"{target.kind} by its client",
            client_id=client.client_id,
            authorization_id=str(authorization_id),
            jti=jti,
            address=caller_address(),
        )
    )
