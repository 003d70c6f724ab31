"""Actors who never rest while a fault comes and goes."""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from faults import factor_actor
from faults.caller import Caller, browser
from faults.client_actor import ClientActor
from faults.ending_actor import EndingActor
from faults.factor_actor import FactorActor
from faults.operator_actor import OperatorActor
from faults.site import ISSUER
from support.relying_party import RelyingParty
from valetkey.core.authentication.acr import ACR_MFA

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from faults.history import History
    from faults.site import Site

KINDS = (
    *("authorize", "redeem", "refresh", "revoke", "introspect", "userinfo", "client_credentials", "register"),
    *factor_actor.KINDS,
)
HANG_UPS = 0.1
ENDING_ACTORS = 2
FACTOR_ACTORS = 2


class Actor(Protocol):
    """A caller that sends requests."""

    async def visit(self) -> None:
        """Do what belongs together, once."""

    async def settle(self) -> None:
        """Look whether everything is as it was told, once nothing is wrong any more."""


@dataclass(slots=True)
class Workload:
    """All callers."""

    actors: Sequence[Actor]

    @asynccontextmanager
    async def busy(self) -> AsyncIterator[None]:
        """All callers send requests inside of the block. What is under way at its end is finished."""
        is_over = asyncio.Event()

        async def live(actor: Actor) -> None:
            while not is_over.is_set():
                await actor.visit()

        async with asyncio.TaskGroup() as group:
            for actor in self.actors:
                group.create_task(live(actor))
            try:
                yield
            finally:
                is_over.set()

    async def settle(self) -> None:
        """Every caller checks its state once more."""
        async with asyncio.TaskGroup() as group:
            for actor in self.actors:
                group.create_task(actor.settle())


@asynccontextmanager
async def workload(
    site: Site, history: History, *, clients: int, seed: int, hang_ups: float = HANG_UPS
) -> AsyncIterator[Workload]:
    """So many clients, each with a user of its own; an operator; those to whom things end all the time.

    And those who prove things that count once.
    """
    operator = OperatorActor(site, history, random.Random(seed))
    api = RelyingParty(ISSUER, site.resource_servers["api"], browser=browser())
    actors: list[Actor] = [operator]
    browsers = [operator.window, api.browser]
    for number in range(clients):
        client = await site.administration.create_web_client()
        person = await site.administration.create_user()
        party = RelyingParty(ISSUER, client, person, browser())
        browsers.append(party.browser)
        caller = Caller(f"client-{number}", site, history, party, api)
        actors.append(ClientActor(caller, random.Random(seed + number + 1), hang_ups))
    for number in range(ENDING_ACTORS):
        web, machine = await site.administration.create_web_client(), await site.administration.create_machine()
        party = RelyingParty(ISSUER, web, await site.administration.create_user(), browser())
        asking = RelyingParty(ISSUER, machine, browser=browser())
        browsers += [party.browser, asking.browser, another := browser()]
        chance = random.Random(seed - number - 1)
        actors.append(EndingActor(f"ending-{number}", site, history, party, asking, api, another, chance))
    demanding = await site.administration.create_web_client(required_acr=ACR_MFA)
    actors.extend(FactorActor(f"factor-{number}", site, history, demanding) for number in range(FACTOR_ACTORS))
    try:
        yield Workload(actors)
    finally:
        for window in browsers:
            await window.close()
