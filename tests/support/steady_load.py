"""Clients, people and resource servers that never rest, and remember everything that went wrong for them."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import ClientError

from support.relying_party import RelyingParty

SCOPE = "openid offline_access api:read"
PAUSE_SECONDS = 0.02


@dataclass
class SteadyLoad:
    """``party_of`` makes a party with a browser of its own, by the name of its client: web, machine or api.

    They are one person: ``login_seconds`` lie between two logins at least, where more would be too many.
    """

    party_of: Callable[[str], RelyingParty]
    login_seconds: float = 0.0
    done: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def running(self, each: int = 2) -> AsyncIterator[None]:
        """So many of each kind are busy inside of the block. What is under way at its end is finished."""
        self._resting = False
        self._logging_in = asyncio.Lock()
        async with asyncio.TaskGroup() as group:
            for live in (self._people, self._machines, self._apis, self._sessions, self._leavers):
                for _ in range(each):
                    group.create_task(live())
            try:
                yield
            finally:
                self._resting = True

    async def _people(self) -> None:
        async def log_in() -> None:
            party = self.party_of("web")
            await self._turn_to_log_in()
            try:
                require((await party.log_in(scope=SCOPE)).status)
            finally:
                await party.browser.close()

        await self._go_on("login", log_in)

    async def _machines(self) -> None:
        party = self.party_of("machine")

        async def ask() -> None:
            require((await party.token("client_credentials")).status)

        await self._go_on("client credentials", ask)
        await party.browser.close()

    async def _apis(self) -> None:
        party, machine = self.party_of("api"), self.party_of("machine")
        token = (await machine.token("client_credentials")).access_token
        await machine.browser.close()

        async def ask() -> None:
            assert (await party.introspect(token)).active
            require((await party.get_json("/jwks")).status)

        await self._go_on("introspection", ask)
        await party.browser.close()

    async def _sessions(self) -> None:
        party = self.party_of("web")
        newest = (await party.log_in(scope=SCOPE)).refresh_token

        async def refresh() -> None:
            nonlocal newest
            reply = await party.refresh(newest)
            require(reply.status)
            newest = reply.refresh_token

        await self._go_on("refresh", refresh)
        await party.browser.close()

    async def _leavers(self) -> None:
        party, api = self.party_of("web"), self.party_of("api")

        async def leave() -> None:
            await self._turn_to_log_in()
            tokens = await party.log_in(scope=SCOPE)
            require((await party.revoke(tokens.refresh_token)).status)
            assert not (await api.introspect(tokens.access_token)).active, "active after the revocation"

        await self._go_on("revocation", leave)
        await party.browser.close()
        await api.browser.close()

    async def _turn_to_log_in(self) -> None:
        async with self._logging_in:
            await asyncio.sleep(self.login_seconds)

    async def _go_on(self, kind: str, once: Callable[[], Awaitable[None]]) -> None:
        while not self._resting:
            started = time.strftime("%X")
            try:
                await once()
                self.done[kind] += 1
            except (AssertionError, ClientError, OSError) as error:
                self.failures.append(f"{kind} begun at {started}: {error!r}"[:400])
            await asyncio.sleep(PAUSE_SECONDS)


def require(status: int) -> None:
    """An ``AssertionError`` unless it is 200."""
    assert status == 200, status
