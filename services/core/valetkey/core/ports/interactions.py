"""Authorization requests that wait for their users."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from valetkey.core.oidc.interaction import Interaction


class InteractionStore(Protocol):
    """Authorization requests waiting for their users."""

    async def put(self, interaction_id: str, interaction: Interaction) -> None:
        """Keep it for the login lifetime, or replace it without prolonging that."""

    async def find(self, interaction_id: str) -> Interaction | None:
        """The interaction, or None once it has been taken or has expired."""

    async def take(self, interaction_id: str) -> Interaction | None:
        """The interaction, for exactly one caller, ever."""
