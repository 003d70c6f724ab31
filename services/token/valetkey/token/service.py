"""What the endpoints of this service are made of."""

from dataclasses import dataclass

from aiohttp import web

from valetkey.core.authentication.user import User
from valetkey.core.client.client import Client
from valetkey.core.oauth.authorization import Authorization, TokenSet
from valetkey.core.oauth.errors import InvalidGrant, OAuthError
from valetkey.core.oauth.refresh_token import RefreshTokenCodec
from valetkey.core.oauth.revocation import Revocation, authorization_target
from valetkey.core.oidc.interaction import NOT_ADMITTED
from valetkey.core.ports.authorizations import GrantedAuthorizations
from valetkey.core.ports.clock import Clock
from valetkey.core.ports.keys import KeySetSource
from valetkey.core.ports.revocations import Revoker
from valetkey.runtime.http.address import caller_address
from valetkey.runtime.http.client_authenticator import ClientAuthenticator
from valetkey.runtime.http.limits.client_rate import ClientRate
from valetkey.runtime.telemetry import audit
from valetkey.runtime.telemetry.metrics import TOKEN_ERRORS, TOKENS_ISSUED
from valetkey.token.issuer import TokenIssuer
from valetkey.token.policy import TokenPolicy
from valetkey.token.registry import Grants
from valetkey.token.revocation_limit import RevocationLimit


@dataclass(frozen=True, slots=True)
class TokenService:
    """The parts that ``/token`` and ``/revoke`` share."""

    authenticator: ClientAuthenticator
    grants: Grants
    issuer: TokenIssuer
    policy: TokenPolicy
    clock: Clock
    authorizations: GrantedAuthorizations
    revoker: Revoker
    refresh_tokens: RefreshTokenCodec
    keys: KeySetSource
    client_rate: ClientRate
    revocation_limit: RevocationLimit

    async def require_admitted(self, authorization: Authorization, user: User) -> None:
        """Raise ``InvalidGrant`` where the client's ``allowed_groups`` leave the user out, whatever the grant.

        The authorization ends: a user who comes back into a group signs in again.
        """
        if authorization.client.admits(user):
            return
        now, target = self.clock(), authorization_target(authorization.authorization_id)
        await self.revoker.revoke([Revocation(target, now, now + self.policy.access_token_lifetime)])
        raise InvalidGrant(NOT_ADMITTED)

    def count(self, grant_type: str, authorization: Authorization, tokens: TokenSet) -> None:
        """Count a token response; one that a user stands behind is an audit event too."""
        TOKENS_ISSUED.add(grant_type)
        login = authorization.authentication
        if authorization.user is not None:
            audit.emit(
                audit.AuditEvent(
                    type="token.issued",
                    outcome="success",
                    subject=authorization.subject,
                    client_id=authorization.client.client_id,
                    grant=grant_type,
                    scope=" ".join(authorization.scope),
                    amr=() if login is None else login.amr,
                    authorization_id=str(authorization.authorization_id),
                    jti=tokens.token_id,
                    address=caller_address(),
                )
            )

    def count_refusal(self, grant_type: str, error: OAuthError, client: Client | None) -> None:
        """Count a refusal; one of a client that had authenticated is an audit event too."""
        TOKEN_ERRORS.add(grant_type, error.error)
        if client is not None:
            audit.emit(
                audit.AuditEvent(
                    type="token.refused",
                    outcome="failure",
                    reason=error.reason,
                    client_id=client.client_id,
                    grant=grant_type,
                    address=caller_address(),
                )
            )


SERVICE = web.AppKey("token_service", TokenService)
