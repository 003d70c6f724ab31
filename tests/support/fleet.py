"""Several replicas of every service over the same stores, each of them spoken to at its own address."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from support.browser import Browser
from support.relying_party import ClientIdentity, Person, RelyingParty

if TYPE_CHECKING:
    from collections.abc import Iterable

    from support.system import System


@dataclass(frozen=True, slots=True)
class Fleet:
    """A running system. What it makes is registered in it, and closed by the caller."""

    system: System
    resource_servers: dict[str, ClientIdentity]

    async def new_party(self, method: str = "client_secret_basic", **changes: Any) -> RelyingParty:  # noqa: ANN401
        """A new web client and a new user; ``changes`` are fields of the client."""
        administration = self.system.administration
        client = await administration.create_web_client(method, **changes)
        return self.party_of(client, await administration.create_user())

    async def new_machine(self) -> RelyingParty:
        """A new client that acts for itself."""
        return self.party_of(await self.system.administration.create_machine())

    def new_api(self) -> RelyingParty:
        """The resource server that most tokens are for."""
        return self.party_of(self.resource_servers["api"])

    def party_of(self, client: ClientIdentity, person: Person | None = None) -> RelyingParty:
        """A party with a browser of its own, to which every replica is the issuer."""
        return RelyingParty(self.system.issuer, client, person, Browser(origin=self.system.issuer))

    def at(self, party: RelyingParty, service: str, replica: int) -> RelyingParty:
        """The same party, at one replica of this service."""
        return self.at_each(party, service)[replica]

    def at_each(self, party: RelyingParty, service: str) -> list[RelyingParty]:
        """The same party, once per replica of this service."""
        return [replace(party, issuer=url) for url in self.system.urls[service]]

    async def active(self, api: RelyingParty, tokens: Iterable[str]) -> list[bool]:
        """What every replica of introspection says about each of these access tokens."""
        replicas = self.at_each(api, "introspection")
        replies = await asyncio.gather(*(replica.introspect(token) for token in tokens for replica in replicas))
        return [reply.active for reply in replies]
