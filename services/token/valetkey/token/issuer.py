"""Authorization to TokenSet: the single mint, and the only place in the system that signs."""

from dataclasses import dataclass

from valetkey.core.client.client import Client
from valetkey.core.jose.sign import SignerSource, sign
from valetkey.core.jose.verify_own import MAX_ACCESS_TOKEN_LENGTH, MAX_TOKEN_LENGTH
from valetkey.core.oauth.access_token import TokenId, access_token_claims
from valetkey.core.oauth.authorization import Authorization, TokenSet
from valetkey.core.oauth.errors import ClaimsTooLarge
from valetkey.core.oauth.refresh_token import RefreshToken, RefreshTokenCodec
from valetkey.core.oauth.scope import OPENID
from valetkey.core.oidc.id_token import TYP as ID_TOKEN_TYP
from valetkey.core.oidc.id_token import id_token_claims
from valetkey.core.ports.clock import Clock
from valetkey.token.policy import TokenPolicy


@dataclass(frozen=True, slots=True)
class TokenIssuer:
    """Mints what an authorization entitles to.

    ``access_token_alg`` signs all access tokens, ``id_token_alg`` the ID tokens of clients that register none.
    """

    policy: TokenPolicy
    access_token_alg: str
    id_token_alg: str
    signers: SignerSource
    refresh_tokens: RefreshTokenCodec
    clock: Clock

    def require_ready(self, client: Client) -> None:
        """Raise ``TemporarilyUnavailable`` while a key is missing, before a grant has spent anything."""
        self.signers.signer(self.access_token_alg)
        self.signers.signer(client.id_token_signed_response_alg or self.id_token_alg)

    def issue(self, authorization: Authorization) -> TokenSet:
        """An access token, and a refresh and an ID token where they belong. RFC 6749 §5.1, OIDC Core §3.1.3.3.

        Raises ``TemporarilyUnavailable`` while there is no key to sign with, ``ClaimsTooLarge``.
        """
        now, policy = self.clock(), self.policy
        token_id = TokenId.generate(authorization.authorization_id, now)
        claims = access_token_claims(
            authorization, token_id, issuer=policy.issuer, lifetime=policy.access_token_lifetime
        )
        access_token = sign(claims, self.signers.signer(self.access_token_alg), authorization.access_token_typ)
        _require_fit(access_token, MAX_ACCESS_TOKEN_LENGTH)
        return TokenSet(
            access_token=access_token,
            expires_in=int(policy.access_token_lifetime.total_seconds()),
            scope=authorization.scope,
            refresh_token=self._refresh_token(authorization),
            id_token=self._id_token(authorization, access_token),
            token_id=str(token_id),
        )

    def _refresh_token(self, authorization: Authorization) -> str | None:
        if authorization.refresh_generation is None:
            return None
        return self.refresh_tokens.encode(
            RefreshToken(authorization.authorization_id, authorization.refresh_generation)
        )

    def _id_token(self, authorization: Authorization, access_token: str) -> str | None:
        user, login = authorization.user, authorization.authentication
        if user is None or login is None or OPENID not in authorization.scope:
            return None
        claims = id_token_claims(
            authorization,
            user,
            login,
            issuer=self.policy.issuer,
            access_token=access_token,
            now=self.clock(),
            lifetime=self.policy.id_token_lifetime,
        )
        signer = self.signers.signer(authorization.client.id_token_signed_response_alg or self.id_token_alg)
        id_token = sign(claims, signer, ID_TOKEN_TYP)
        _require_fit(id_token, MAX_TOKEN_LENGTH)
        return id_token


def _require_fit(token: str, most: int) -> None:
    if len(token) > most:
        raise ClaimsTooLarge(f"a token would have {len(token)} characters, and {most} is the most")
