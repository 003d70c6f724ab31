"""Links with which a user chooses a password, for an operator to hand over where no mail would reach the user."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode

from valetkey.administration.errors import Refused
from valetkey.core.authentication.account_token import LIFETIME, TokenPurpose, generate_token, token_digest
from valetkey.core.routes import RECOVER_PASSWORD
from valetkey.storage.postgres.tables.account_tokens import AccountTokens

if TYPE_CHECKING:
    from datetime import datetime

    from valetkey.administration.installation import Installation
    from valetkey.core.authentication.user import User

_PURPOSE = TokenPurpose.PASSWORD_RESET


class ResetLink(NamedTuple):
    """A link that is good once, until ``expires_at``, or until anything ends its user."""

    url: str
    digest: bytes
    made_at: datetime
    expires_at: datetime


def new_reset_link(installation: Installation) -> ResetLink:
    """A link at the issuer, not stored yet: it leads nowhere. Raises ``Refused`` where the issuer is not known."""
    if not installation.settings.issuer:
        raise Refused("A link begins with the issuer: set VALETKEY_ISSUER")
    token, now = generate_token(), installation.clock()
    digest = token_digest(_PURPOSE, token)
    if digest is None:
        raise ValueError("a new token has the form of one")
    url = f"{installation.settings.issuer}{RECOVER_PASSWORD.path}?{urlencode({'token': token})}"
    return ResetLink(url, digest, now, now + LIFETIME)


async def store_reset_link(installation: Installation, user: User, link: ResetLink) -> None:
    """Have the link lead to a new password of this user. Raises ``Refused`` for one who is disabled, or has ended."""
    with installation.audited("user.reset_link_made", subject=user.sub):
        tokens = AccountTokens(installation.database)
        if not await tokens.put(link.digest, _PURPOSE, user, link.made_at, link.expires_at):
            raise Refused(f"No link works for {user.username}, who is disabled or was changed just now")
