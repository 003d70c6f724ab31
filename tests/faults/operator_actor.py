"""An operator who registers clients, and the clients, who begin to work at once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from faults.call import Answer, Outcome
from faults.caller import browser
from faults.journey import answer_of
from faults.site import ISSUER, REPLICAS
from support.relying_party import RelyingParty
from support.tokens import claims_of
from valetkey.core.oauth.errors import TemporarilyUnavailable

if TYPE_CHECKING:
    import random

    from faults.history import History
    from faults.site import Site
    from support.browser import Browser
    from support.relying_party import ClientIdentity

_PAUSE = 0.1
_SEEN_AGAIN = 12


@dataclass(slots=True)
class OperatorActor:
    """Remembers the clients whose registration was acknowledged."""

    site: Site
    history: History
    chance: random.Random
    window: Browser = field(default_factory=browser)
    registered: list[ClientIdentity] = field(default_factory=list)

    async def visit(self) -> None:
        """One registration, and two clients that fetch a token."""
        await self._register()
        for client in self.chance.sample(self.registered, min(2, len(self.registered))):
            await self._client_credentials(client, self.chance.randrange(REPLICAS))
        await asyncio.sleep(_PAUSE)

    async def settle(self) -> None:
        """Every client is known to every replica."""
        for client in self.registered[-_SEEN_AGAIN:]:
            for number in range(REPLICAS):
                await self._client_credentials(client, number)

    async def _register(self) -> None:
        async def question() -> Answer:
            try:
                client = await self.site.administration.create_machine()
            except TemporarilyUnavailable as error:
                return Answer(Outcome.UNAVAILABLE, 503, error.error, str(error.retry_after))
            self.registered.append(client)
            return Answer(Outcome.DONE, 200, got={"client_id": client.client_id})

        await self.history.ask("register", actor="operator", at="postgres", given={}, question=question())

    async def _client_credentials(self, client: ClientIdentity, number: int) -> None:
        party = RelyingParty(ISSUER, client, browser=self.window)
        party = replace(party, issuer=self.site.replicas["token"][number].url)

        async def question() -> Answer:
            reply = await party.token("client_credentials", scope="api:read")
            if reply.error:
                return answer_of(reply)
            claims = claims_of(reply.access_token)
            return answer_of(reply, {mark: claims[mark] for mark in ("sub", "client_id", "iss")})

        given = {"client_id": client.client_id, "sub": client.client_id, "iss": ISSUER}
        await self.history.ask(
            "client_credentials", actor="operator", at=f"token-{number}", given=given, question=question()
        )
