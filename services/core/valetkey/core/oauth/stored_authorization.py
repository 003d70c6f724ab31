"""A granted authorization as it is kept: one row from the redemption of the code to the end of the grant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from valetkey.core.oidc.claims.request import NO_CLAIMS, ClaimsRequest

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from valetkey.core.authentication.result import Authentication
    from valetkey.core.authentication.user import User
    from valetkey.core.epoch import GrantEpochs, TokenEpochs
    from valetkey.core.oauth.scope import Scope


@dataclass(frozen=True, slots=True)
class NewAuthorization:
    """What the redemption of a code stores. Its primary key is the code's ``authorization_id``.

    ``bound_to_session``: it ends with the browser session, because ``offline_access`` was not granted (OIDC Core §11).
    ``idle_seconds`` is how long a refresh token may lie unused. ``agreed_at`` is when the code was issued,
    ``issued_at`` when it was redeemed, which no two redemptions share; ``unconfirmed_at`` are those before it whose
    clients were told to come again. ``epochs`` are the code's; without them ``agreed_at`` has to do. Times are UTC.
    """

    authorization_id: UUID
    client_uid: UUID
    authentication: Authentication
    scope: Scope
    resources: tuple[str, ...]
    claims: ClaimsRequest
    bound_to_session: bool
    agreed_at: datetime
    issued_at: datetime
    expires_at: datetime
    idle_seconds: int
    unconfirmed_at: tuple[datetime, ...] = ()
    epochs: GrantEpochs | None = None


class GrantedAuthorization(NamedTuple):
    """A live authorization, with its user and epochs as they are now."""

    authorization_id: UUID
    generation: int
    epochs: TokenEpochs
    user: User
    authentication: Authentication
    scope: Scope
    resources: tuple[str, ...]
    claims: ClaimsRequest = NO_CLAIMS
