"""Several replicas of every service over the same stores, each of them spoken to at its own address."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from support.relying_party import ClientIdentity, Person, RelyingParty

if TYPE_CHECKING:
    from collections.abc import Iterable

    from support.system import System


@dataclass(frozen=True, slots=True)
class Fleet:
    """A running system. What it makes is registered in it, and closed by whoever asked for it."""

    system: System
    resource_servers: dict[str, ClientIdentity]

    async def new_party(self, method: str = "client_secret_basic", **changes: Any) -> RelyingParty:  # noqa: ANN401
        """A new web client and a new user; ``changes`` are fields of the client."""
        administration = self.system.administration
        client = await administration.create_web_client(method, **changes)
        return RelyingParty(self.system.issuer, client, await administration.create_user())

    def new_api(self) -> RelyingParty:
        """The resource server that most tokens are for."""
        return RelyingParty(self.system.issuer, self.resource_servers["api"], Person("nobody", ""))

    def at_each(self, party: RelyingParty, service: str) -> list[RelyingParty]:
        """The same party, once per replica of this service."""
        return [replace(party, issuer=url) for url in self.system.urls[service]]

    async def active(self, api: RelyingParty, tokens: Iterable[str]) -> list[bool]:
        """What every replica of introspection says about each of these access tokens."""
        replicas = self.at_each(api, "introspection")
        replies = await asyncio.gather(*(replica.introspect(token) for token in tokens for replica in replicas))
        return [reply.active for reply in replies]
