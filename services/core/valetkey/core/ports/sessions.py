"""Browser sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from valetkey.core.authentication.session import Session, SignedIn


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

    async def find_signed_in(self, secret: str, client_uid: UUID, now: datetime) -> SignedIn | None:
        """The same with what the user has agreed to for this client, unless it was withdrawn: one read."""

    async def find_subject(self, session_id: UUID, now: datetime) -> UUID | None:
        """Whose live session this is, None where there is none of this id. Notes no use."""

    async def end(self, session_id: UUID, now: datetime) -> bool:
        """End a session and every authorization bound to it; whether there was one."""
