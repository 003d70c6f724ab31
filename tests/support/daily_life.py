"""One day of an installation whose users and clients stay the same: everything that leaves something behind."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from support.relying_party import ClientIdentity, Person, RelyingParty, Reply

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from support.system import System

SCOPE = "openid offline_access api:read"
_AT_ONCE = 6


@dataclass
class DailyLife:
    """``revokes`` says whether a client ever revokes a token or replays a code: many never do."""

    system: System
    people: list[Person]
    clients: list[ClientIdentity]
    machine: ClientIdentity
    revokes: bool
    _kept: list[tuple[ClientIdentity, Reply]] = field(default_factory=list)
    _visits: int = 0

    async def day(self, visits: int) -> None:
        """So many people sign in; of ten of them most stay away again, and one each does something else."""
        turn = asyncio.Semaphore(_AT_ONCE)

        async def one(work: Coroutine[None, None, None]) -> None:
            async with turn:
                await work

        refreshing, self._kept = self._kept[-visits:], []
        async with asyncio.TaskGroup() as group:
            for client, reply in refreshing:
                group.create_task(one(self._refresh(client, reply)))
            for _ in range(visits):
                self._visits += 1
                group.create_task(one(self._visit(self._visits)))

    async def _refresh(self, client: ClientIdentity, reply: Reply) -> None:
        party = RelyingParty(self.system.issuer, client)
        async with party.browser:
            refreshed = await party.refresh(reply.refresh_token)
            # The user of it may have withdrawn the consent or signed out everywhere.
            assert refreshed.status == 200 or refreshed.error == "invalid_grant", refreshed.body

    async def _visit(self, number: int) -> None:
        client, person = self.clients[number % len(self.clients)], self.people[number % len(self.people)]
        party, kind = RelyingParty(self.system.issuer, client, person), number % 10
        async with party.browser:
            if kind == 0:
                await party.start(scope=SCOPE)
                return
            if kind == 1:
                page = await party.start(scope=SCOPE)
                await party.sign_in(page, Person(person.username, "not the password"))
                return
            code = await party.authorize(scope="openid api:read" if kind in {3, 4} else SCOPE)
            if kind == 2:
                return
            tokens = await party.redeem(code)
            assert tokens.status == 200, tokens.body
            if kind in {3, 4}:
                await party.log_out(tokens.body["id_token"])
            elif kind == 5 and self.revokes:
                assert (await party.redeem(code)).error == "invalid_grant"
            elif kind == 6 and self.revokes:
                assert (await party.revoke(tokens.refresh_token)).status == 200
            elif kind == 7 and self.revokes:
                assert (await party.revoke(tokens.access_token)).status == 200
            elif kind == 8:
                await self.system.administration.withdraw_consent(person, client)
            else:
                self._kept.append((client, tokens))
        if kind == 9:
            machine = RelyingParty(self.system.issuer, self.machine)
            async with machine.browser:
                assert (await machine.token("client_credentials")).status == 200
