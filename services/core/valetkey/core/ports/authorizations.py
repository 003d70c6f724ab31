"""Granted authorizations, as token keeps them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from valetkey.core.oauth.refresh_token import RefreshState
    from valetkey.core.oauth.stored_authorization import GrantedAuthorization, NewAuthorization


class GrantedAuthorizations(Protocol):
    """What token may do with the one row of an authorization."""

    async def insert(self, new: NewAuthorization) -> GrantedAuthorization | None:
        """Store it once, ever; None if it exists, or its user, client, session or consent has ended since the code.

        One that an abandoned redemption stored is taken over, because no client got its tokens. One that was revoked
        before it was stored is stored, returned, and never live.
        """

    async def rotate(
        self, authorization_id: UUID, generation: int, client_uid: UUID, now: datetime
    ) -> GrantedAuthorization | None:
        """Move a live authorization of this client from ``generation`` to the next, for exactly one caller."""

    async def withhold(self, authorization_id: UUID, generation: int) -> None:
        """Note that no client was given this generation; nothing where it is not the current one any more."""

    async def hand_out(self, authorization_id: UUID, generation: int) -> None:
        """Note that a client is given what was withheld. It counts as rotated now."""

    async def find_state(self, authorization_id: UUID, now: datetime) -> RefreshState | None:
        """The refresh state, for judging a presentation that did not rotate. ``now`` is for lifetimes only."""

    async def find_live(self, authorization_id: UUID, client_uid: UUID, now: datetime) -> GrantedAuthorization | None:
        """The authorization as ``rotate`` would return it, unchanged, for a retry."""
