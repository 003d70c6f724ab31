"""Interactions in memory: what `RedisInteractions` promises, without a server."""

from dataclasses import replace
from datetime import timedelta

from valetkey.core.oidc.interaction import Interaction
from valetkey.core.ports.clock import Clock


class FakeInteractions:
    """`InteractionStore`."""

    def __init__(self, *, lifetime: timedelta, clock: Clock) -> None:
        self._lifetime = lifetime
        self._clock = clock
        self._kept: dict[str, Interaction | None] = {}

    async def put(self, interaction_id: str, interaction: Interaction) -> None:
        if self._kept.get(interaction_id, interaction) is not None:
            request = replace(interaction.request, id_token_hint=None)
            self._kept[interaction_id] = replace(interaction, request=request)

    async def find(self, interaction_id: str) -> Interaction | None:
        interaction = self._kept.get(interaction_id)
        live = interaction is not None and interaction.created_at + self._lifetime > self._clock()
        return interaction if live else None

    async def take(self, interaction_id: str) -> Interaction | None:
        interaction = await self.find(interaction_id)
        if interaction is not None:
            self._kept[interaction_id] = None
        return interaction
