"""What every fake of PostgreSQL looks at: the rows, as values."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from valetkey.core.authentication.session import Session
from valetkey.core.authentication.user import User
from valetkey.core.client.client import Client
from valetkey.core.oauth.consent import Consent
from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.core.oauth.resource import RegisteredScope
from valetkey.core.oauth.revocation import Revocation, RevocationTarget, authorization_target
from valetkey.core.oauth.stored_authorization import NewAuthorization

_LIFETIME, _EPOCH_LIFETIME = timedelta(hours=1), timedelta(hours=2)
_BUILT_IN_SCOPES = {
    "openid": "Confirm who you are",
    "profile": "See your name and profile",
    "email": "See your e-mail address",
    "address": "See your postal address",
    "phone": "See your phone number",
    "groups": "See which groups you belong to",
    "offline_access": "Keep this access while you are away",
}


@dataclass
class KeptSession:
    secret: str
    session: Session
    idle_expires_at: datetime
    expires_at: datetime

    def is_live(self, now: datetime) -> bool:
        return now < self.idle_expires_at and now < self.expires_at


@dataclass
class KeptAuthorization:
    new: NewAuthorization
    generation: int
    rotated_at: datetime
    revoked: bool = False
    is_withheld: bool = False


@dataclass
class FakeWorld:
    """What every fake looks at. `away` makes all of them refuse."""

    clients: dict[UUID, Client] = field(default_factory=dict)
    users: dict[UUID, tuple[User, str]] = field(default_factory=dict)
    sessions: dict[UUID, KeptSession] = field(default_factory=dict)
    consents: dict[tuple[UUID, UUID], Consent] = field(default_factory=dict)
    consent_epochs: Counter[tuple[UUID, UUID]] = field(default_factory=Counter)
    authorizations: dict[UUID, KeptAuthorization] = field(default_factory=dict)
    revocations: dict[RevocationTarget, Revocation] = field(default_factory=dict)
    scopes: dict[str, RegisteredScope] = field(
        default_factory=lambda: {name: RegisteredScope(name, words) for name, words in _BUILT_IN_SCOPES.items()}
    )
    away: bool = False

    def require_presence(self) -> None:
        if self.away:
            raise TemporarilyUnavailable("away")

    def client(self, client_id: str) -> Client | None:
        return next((client for client in self.clients.values() if client.client_id == client_id), None)

    def record(self, revocations: Sequence[Revocation]) -> Sequence[Revocation]:
        for revocation in revocations:
            known = self.revocations.get(revocation.target, revocation)
            self.revocations[revocation.target] = replace(
                revocation,
                revoked_at=max(known.revoked_at, revocation.revoked_at),
                expires_at=max(known.expires_at, revocation.expires_at),
            )
        return revocations

    def revoke(
        self, ended: Sequence[UUID], now: datetime, target: RevocationTarget | None = None, epoch: int | None = None
    ) -> Sequence[Revocation]:
        for authorization_id in ended:
            self.authorizations[authorization_id].revoked = True
        revocations = [Revocation(each, now, now + _LIFETIME) for each in map(authorization_target, ended)]
        if target is not None:
            revocations.append(Revocation(target, now, now + _EPOCH_LIFETIME, epoch))
        return self.record(revocations)

    def delete_authorizations(self, is_gone: Callable[[KeptAuthorization], bool]) -> None:
        for authorization_id in [id_ for id_, kept in self.authorizations.items() if is_gone(kept)]:
            del self.authorizations[authorization_id]
