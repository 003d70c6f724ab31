"""Ending things, and asking whether they have ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from valetkey.core.oauth.revocation import Revocation, RevocationTarget


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
