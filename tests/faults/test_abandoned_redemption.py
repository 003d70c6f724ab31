"""PostgreSQL stores what a code was redeemed for, and the answer is lost: the client redeems again."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import asyncpg
import pytest

from faults.caller import Caller, Grant, browser
from faults.checker import check
from faults.history import History
from faults.site import ISSUER
from faults.tolerance import Tolerance
from support.relying_party import RelyingParty

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from faults.call import Call
    from faults.site import Site

_WARM, _MOST_TRIES = 3, 5

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.requirement("architecture 4: what PostgreSQL stored without saying so costs no user a login")
@pytest.mark.requirement("security 15: one success per code, and a valid replay revokes what it gave")
async def test_who_was_told_to_come_again_gets_what_was_stored_and_a_replay_ends_it(site: Site) -> None:
    history = History()
    async with open_caller(site, history) as caller:
        grant, abandoned, stored = await abandon(site, caller)
        again = await caller.redeem(grant, 1)
        assert (abandoned.answer.status, stored, again.is_done) == (503, 1, True)
        before = await caller.introspect(grant, grant.access[-1], 0)
        replayed = await caller.redeem(grant, 0)
        after = await caller.introspect(grant, grant.access[-1], 0)

    assert replayed.is_refused
    assert [call.answer.got["active"] for call in (before, after)] == ["yes", "no"]
    assert not list(check(history.calls, Tolerance()))


async def abandon(site: Site, caller: Caller) -> tuple[Grant, Call, int]:
    """A redemption whose answer is lost, and how many rows it has stored: none where nothing of it was received.

    A connection that does not know the statement yet asks for it first; then another grant is tried.
    """
    (link,) = site.links_of(store="postgres", service="token", number=0)
    for _ in range(_MOST_TRIES):
        for _ in range(_WARM):
            await caller.redeem(await log_in(caller), 0)
        grant, before = await log_in(caller), await count(site)
        link.silence()
        abandoned = await caller.redeem(grant, 0)
        link.heal()
        if stored := await count(site) - before:
            break
    return grant, abandoned, stored


async def log_in(caller: Caller) -> Grant:
    grant = await caller.authorize(1)
    assert grant is not None
    return grant


async def count(site: Site) -> int:
    connection = await asyncpg.connect(site.dsn)
    try:
        return int(await connection.fetchval("SELECT count(*) FROM authorizations"))
    finally:
        await connection.close()


@asynccontextmanager
async def open_caller(site: Site, history: History) -> AsyncIterator[Caller]:
    client = await site.administration.create_web_client()
    person = await site.administration.create_user()
    party = RelyingParty(ISSUER, client, person, browser())
    api = RelyingParty(ISSUER, site.resource_servers["api"], browser=browser())
    try:
        yield Caller("client", site, history, party, api)
    finally:
        await party.browser.close()
        await api.browser.close()
