"""Browser sessions: single sign-on, remembered in PostgreSQL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from valetkey.core.authentication.acr import Strength, strength_of

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from valetkey.core.authentication.factor import Factor
    from valetkey.core.authentication.user import User
    from valetkey.core.oauth.consent import KeptConsent


@dataclass(frozen=True, slots=True)
class Session:
    """One signed-in browser. ``session_id`` is the ``sid`` claim; the cookie holds another secret. Times are UTC.

    ``factors`` are the last proofs by each method, the oldest first; together they reach a level.
    """

    session_id: UUID
    user: User
    factors: tuple[Factor, ...]

    @property
    def strength(self) -> Strength:
        """The strongest that was proven. Raises ``ValueError`` where nothing was that can begin a session."""
        strength = strength_of(self.factors)
        if strength is None:
            raise ValueError("these factors begin no session")
        return strength

    @property
    def last_proof(self) -> datetime:
        """When the person last proved anything."""
        return self.factors[-1].at


class SignedIn(NamedTuple):
    """A live session, and what its user has agreed to for the client that asks: None for nothing."""

    session: Session
    consent: KeptConsent | None
