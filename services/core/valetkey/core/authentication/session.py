"""Browser sessions: single sign-on, remembered in PostgreSQL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from valetkey.core.authentication.result import Authentication

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from valetkey.core.authentication.user import User
    from valetkey.core.oauth.consent import KeptConsent


@dataclass(frozen=True, slots=True)
class Session:
    """One signed-in browser. ``session_id`` is the ``sid`` claim; the cookie holds another secret. Times are UTC."""

    session_id: UUID
    user: User
    auth_time: datetime
    acr: str
    amr: tuple[str, ...]

    @property
    def authentication(self) -> Authentication:
        """What the login behind this session proved."""
        return Authentication(self.user.subject, self.auth_time, self.acr, self.amr, self.session_id)


class SignedIn(NamedTuple):
    """A live session, and what its user has agreed to for the client that asks: None for nothing."""

    session: Session
    consent: KeptConsent | None
