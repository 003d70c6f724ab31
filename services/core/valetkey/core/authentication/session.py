"""Browser sessions: single sign-on, remembered in PostgreSQL."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from valetkey.core.authentication.acr import Strength, strength_of

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from valetkey.core.authentication.factor import Factor
    from valetkey.core.authentication.user import User
    from valetkey.core.oauth.consent import KeptConsent


class Origin(NamedTuple):
    """Where a browser was when it last proved something, as its user is told: what it calls itself, and its address."""

    device: str
    address: str


@dataclass(frozen=True, slots=True)
class Session:
    """One signed-in browser. ``session_id`` is the ``sid`` claim; the cookie holds another secret. Times are UTC.

    ``factors`` are the last proofs by each method, the oldest first; together they reach a level. ``is_kept``: it stays
    when the browser is closed. ``origin`` is written with a proof, and not read with the rest.
    """

    session_id: UUID
    user: User
    factors: tuple[Factor, ...]
    is_kept: bool = False
    origin: Origin | None = field(default=None, compare=False)

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
