"""The claims about the user behind an access token. OIDC Core §5.3."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from valetkey.core.authentication.subject import subject_of
from valetkey.core.oauth.errors import InsufficientScope, InvalidToken
from valetkey.core.oauth.scope import OPENID
from valetkey.core.oidc.claims.release import userinfo_claims

if TYPE_CHECKING:
    from uuid import UUID

    from valetkey.core.authentication.user import User
    from valetkey.core.oauth.access_token import AccessToken
    from valetkey.core.ports.clients import CatalogSource, ClientFinder
    from valetkey.introspection.access_tokens import AccessTokens
    from valetkey.introspection.sources import SubjectFinder


@dataclass(frozen=True, slots=True)
class UserInfo:
    """Reads a token's user as the user is now, for its client as it is registered now."""

    access_tokens: AccessTokens
    users: SubjectFinder
    clients: ClientFinder
    catalog: CatalogSource

    async def claims(self, value: str) -> dict[str, object]:
        """The claims that the token's scope opens, as the client's policy has them. OIDC Core §5.3.2.

        Raises ``InvalidToken`` for a token that is not good or whose user is gone, disabled or has ended since, as with
        a new password; ``InsufficientScope`` for one without ``openid``. Any audience is accepted: the token is ours.
        """
        verified = self.access_tokens.read(value)
        token = verified.token
        subject = _user_of(token)
        if OPENID not in token.scope:
            raise InsufficientScope("scope lacks openid")
        await self.access_tokens.require_live(verified)
        user = await self.users.find_by_subject(subject)
        if user is None or not user.enabled:
            raise InvalidToken("user is gone or disabled")
        if not _is_current(token, user):
            raise InvalidToken("user has ended since the token was issued")
        client, catalog = await self.clients.find(token.client_id), await self.catalog.get()
        if client is None:
            raise InvalidToken("client is gone")
        return userinfo_claims(client, catalog.claim_table, user, token.scope, token.userinfo_claims)


def _user_of(token: AccessToken) -> UUID:
    if not token.has_user:
        raise InvalidToken("no user stands behind the token")
    return subject_of(token.subject)


def _is_current(token: AccessToken, user: User) -> bool:
    epochs = token.epochs
    if epochs is None:
        # Release 0.1.0 made it.
        return token.token_id.issued_at >= user.valid_since
    return (epochs.installation, epochs.user) == (user.installation_epoch, user.epoch)
