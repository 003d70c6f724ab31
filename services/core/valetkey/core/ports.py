"""What the rules need from outside. Every promise here is a test in ``tests/contract``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    from valetkey.core.authorization_code import AuthorizationCode, CodeBinding, Redemption
    from valetkey.core.client import Client
    from valetkey.core.consent import Consent, KeptConsent
    from valetkey.core.grant import GrantedAuthorization, NewAuthorization
    from valetkey.core.interaction import Interaction
    from valetkey.core.jwt_verification import KeySet
    from valetkey.core.refresh_token import RefreshState
    from valetkey.core.resource import Catalog
    from valetkey.core.revocation import Revocation, RevocationTarget
    from valetkey.core.session import Session
    from valetkey.core.user import User

Clock = Callable[[], datetime]


class ClientFinder(Protocol):
    """Registered clients, fast enough for every request."""

    async def find(self, client_id: str) -> Client | None:
        """The client, enabled or not, never older than the cache's bound; ``TemporarilyUnavailable`` if unknowable."""


class CatalogSource(Protocol):
    """Registered scopes and resource servers."""

    async def get(self) -> Catalog:
        """The catalog, never older than the cache's bound; ``TemporarilyUnavailable`` if unknowable."""


class CodeIssuer(Protocol):
    """What authorize may do with authorization codes."""

    async def put(self, value: str, code: AuthorizationCode) -> None:
        """Keep the code for its lifetime, under the digest of its value.

        ``TooManyRequests`` where so many codes as there may be wait for this client, session or user; nothing is kept.
        """


class CodeRedeemer(Protocol):
    """What token may do with authorization codes."""

    async def consume(self, value: str, binding: CodeBinding) -> Redemption:
        """TAKEN for exactly one caller, ever; REPLAYED for whoever holds the binding after that. RFC 6749 §4.1.2.

        MISMATCHED leaves the code as it was. All of it is decided in one atomic step of the store.
        """

    async def give_back(self, value: str, abandoned_at: datetime | None = None) -> None:
        """Undo ``consume`` after a failure.

        ``abandoned_at`` is the redemption that may have stored the authorization all the same: whoever takes the code
        next finds it in ``AuthorizationCode.abandoned_at``. Harmless without it: the primary key refuses a second one.
        """


class GrantedAuthorizations(Protocol):
    """What token may do with the one row of an authorization."""

    async def insert(self, new: NewAuthorization) -> GrantedAuthorization | None:
        """Store it once, ever; None if it exists, or its user, client, session or consent has ended since the code.

        One that an abandoned redemption stored is taken over, for nobody has been given it. One that was revoked before
        it was stored is stored, returned, and never live.
        """

    async def rotate(
        self, authorization_id: UUID, generation: int, client_uid: UUID, now: datetime
    ) -> GrantedAuthorization | None:
        """Move a live authorization of this client from ``generation`` to the next, for exactly one caller."""

    async def find_state(self, authorization_id: UUID, now: datetime) -> RefreshState | None:
        """The refresh state, for judging a presentation that did not rotate. ``now`` is for lifetimes only."""

    async def find_live(self, authorization_id: UUID, client_uid: UUID, now: datetime) -> GrantedAuthorization | None:
        """The authorization as ``rotate`` would return it, unchanged, for an honest retry."""


class Revoker(Protocol):
    """Ends things, durably."""

    async def revoke(self, revocations: Sequence[Revocation]) -> None:
        """After this returns no replica says ``active`` and nothing refreshes.

        PostgreSQL first, then Redis; ``TemporarilyUnavailable`` if PostgreSQL did not take it.
        """


class RevocationReader(Protocol):
    """Whether something has been revoked."""

    async def find(self, targets: Sequence[RevocationTarget]) -> Iterable[Revocation]:
        """The revocations of these targets; never an empty answer because a store is away or empty."""


class KeySetSource(Protocol):
    """The published keys, for telling our own tokens from anything else."""

    @property
    def key_set(self) -> KeySet:
        """The keys, from memory; ``TemporarilyUnavailable`` before the first have been loaded.

        Whoever asks again without a change in between gets the same object.
        """


class UserFinder(Protocol):
    """Users and their passwords, for the login page."""

    async def find_by_login_name(self, name: str) -> tuple[User, str] | None:
        """The user whose normalized user name or e-mail this is, with the argon2id hash of the password."""


class SessionStore(Protocol):
    """Browser sessions, by the secret in the browser's cookie."""

    async def create(self, secret: str, session: Session, replaced: str | None) -> bool:
        """Begin a session under a new secret; the one it replaces in this browser ends. Only digests are stored.

        False, and nothing is stored, where the user has ended since ``session.user`` was read, or where the session was
        to go on and has ended.
        """

    async def renew(self, secret: str, session: Session) -> bool:
        """Let a session go on under a new secret after another login, with what is bound to it. See ``create``."""

    async def find(self, secret: str, now: datetime) -> Session | None:
        """The live session of a user who has not ended since it began, or None."""

    async def end(self, session_id: UUID, now: datetime) -> None:
        """End a session and every authorization bound to it."""


class ConsentStore(Protocol):
    """What users have agreed to."""

    async def find(self, subject: UUID, client_uid: UUID) -> KeptConsent | None:
        """Everything this user has agreed to for this client."""

    async def add(self, subject: UUID, client_uid: UUID, consent: Consent, now: datetime) -> int | None:
        """Remember this beside what was agreed to before. The epoch of the consent; None if user or client is gone."""


class InteractionStore(Protocol):
    """Authorization requests waiting for their users."""

    async def put(self, interaction_id: str, interaction: Interaction) -> None:
        """Keep it for the login lifetime, or replace it without prolonging that."""

    async def find(self, interaction_id: str) -> Interaction | None:
        """The interaction, or None once it has been taken or has expired."""

    async def take(self, interaction_id: str) -> Interaction | None:
        """The interaction, for exactly one caller, ever."""
