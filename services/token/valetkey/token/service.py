"""What the endpoints of this service are made of."""

from dataclasses import dataclass

from aiohttp import web

from valetkey.core.authorization import Authorization
from valetkey.core.ports import Clock, GrantedAuthorizations, KeySetSource, Revoker
from valetkey.core.refresh_token import RefreshTokenCodec
from valetkey.runtime import audit
from valetkey.runtime.http.client_authenticator import ClientAuthenticator
from valetkey.runtime.metrics import TOKENS_ISSUED
from valetkey.token.issuer import TokenIssuer
from valetkey.token.policy import TokenPolicy
from valetkey.token.registry import Grants


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

    def count(self, grant_type: str, authorization: Authorization) -> None:
        """Count a token response; one that a user stands behind is an audit event too."""
        TOKENS_ISSUED.add(grant_type)
        if authorization.user is not None:
            audit.emit(
                audit.AuditEvent(
                    type="token.issued",
                    outcome="success",
                    subject=authorization.subject,
                    client_id=authorization.client.client_id,
                    grant=grant_type,
                    scope=" ".join(authorization.scope),
                    authorization_id=str(authorization.authorization_id),
                )
            )


SERVICE = web.AppKey("token_service", TokenService)
