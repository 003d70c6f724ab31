"""Authorization: what every grant proves. The waist of the hourglass.

A grant looks, checks and takes, and ends in one of these; the issuer makes tokens of it and needs to know nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from valetkey.core.client.client import AccessTokenTyp
from valetkey.core.oidc.claims.request import NO_CLAIMS, ClaimsRequest
from valetkey.core.oidc.claims.table import STANDARD_CLAIMS, ClaimTable

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from valetkey.core.authentication.result import Authentication
    from valetkey.core.authentication.user import User
    from valetkey.core.client.client import Client
    from valetkey.core.epoch import TokenEpochs
    from valetkey.core.oauth.scope import Scope


class Authorization(NamedTuple):
    """Who may do what, through whom.

    ``epochs`` are those that the grant had read: a token made of it is good for as long as they are current.
    ``user`` and ``authentication`` are None where the client acts for itself. ``refresh_generation`` is the generation
    of the refresh token to hand out, None for none. ``nonce`` is only set where an ID token answers a login.
    ``claim_table`` has the claims about users that are declared now. ``redeemed_at`` is when a code was taken for it.
    """

    authorization_id: UUID
    client: Client
    epochs: TokenEpochs
    scope: Scope
    resources: tuple[str, ...] = ()
    user: User | None = None
    authentication: Authentication | None = None
    refresh_generation: int | None = None
    nonce: str | None = None
    claims: ClaimsRequest = NO_CLAIMS
    access_token_typ: AccessTokenTyp = AccessTokenTyp.AT_JWT
    claim_table: ClaimTable = STANDARD_CLAIMS
    redeemed_at: datetime | None = None

    @property
    def subject(self) -> str:
        """The ``sub`` claim: the user, or the client where it acts for itself. RFC 9068 §2.2."""
        return self.user.sub if self.user else self.client.client_id

    def audience(self, issuer: str) -> tuple[str, ...]:
        """The ``aud`` claim: the resources, or ourselves where none is meant. RFC 9068 §3."""
        return self.resources or (issuer,)


class TokenSet(NamedTuple):
    """A successful token response. RFC 6749 §5.1, OIDC Core §3.1.3.3.

    ``expires_in`` is in seconds; ``token_id`` is the access token's ``jti``.
    """

    access_token: str
    expires_in: int
    scope: Scope
    refresh_token: str | None = None
    id_token: str | None = None
    token_type: str = "Bearer"  # noqa: S105 - RFC 6750 §6.1.1
    token_id: str = ""
