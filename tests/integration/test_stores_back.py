"""PostgreSQL and Redis come back, emptied, restored or as they were: all goes on, and nothing rises from the dead."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from support.browser import query_of
from support.eventually import eventually
from support.outage_fleet import KnownUser, OutageFleet
from support.planted_codes import planted_codes
from support.refusal import require_refusal
from support.relying_party import RelyingParty
from support.revocation_watch import Watch
from support.system import SERVICES
from support.whole_flow import require_whole_flow
from valetkey.runtime.http.server import start_app

NEVER_AGAIN = pytest.mark.requirement(
    "security 56: nothing resurrects a spent code, a rotated refresh token or a revoked token"
)
RECOVERS = pytest.mark.requirement("architecture 4: recovery without a restart of any service")
# Fewer than a user may have at one client.
GRANTS_TO_REVOKE = 90


@pytest.fixture
async def known(outage_fleet: OutageFleet) -> AsyncIterator[KnownUser]:
    """A user and clients that every replica has served before the outage."""
    async with outage_fleet.known_user() as known_user:
        yield known_user


@RECOVERS
@pytest.mark.parametrize("names", ["redis", "postgres", "both"])
async def test_services_that_met_an_absence_recover_by_themselves(
    outage_fleet: OutageFleet, known: KnownUser, names: str
) -> None:
    async with outage_fleet.without(names):
        for at, code in zip(outage_fleet.fleet.at_each(known.party, "token"), known.codes, strict=True):
            require_refusal(await at.redeem(code), "temporarily_unavailable")

    await outage_fleet.until_all_is_well()


@RECOVERS
@pytest.mark.parametrize("names", ["redis", "postgres", "both"])
async def test_an_unnoticed_restart_fails_no_request(outage_fleet: OutageFleet, names: str) -> None:
    for store in outage_fleet.stores(names):
        await asyncio.to_thread(store.restart)
    # That a connection was cut is known once the services have had time to see it.
    await asyncio.sleep(0.2)

    for replica in outage_fleet.replicas:
        await require_whole_flow(outage_fleet.fleet, replica)


@RECOVERS
async def test_services_start_while_everything_is_away_and_work_when_it_is_there(outage_fleet: OutageFleet) -> None:
    system = outage_fleet.fleet.system
    async with outage_fleet.without("both"):
        new = {
            name: system.run(start_app(create(system.settings, clock=system.clock), system.settings))
            for name, create in SERVICES.items()
        }
        asked = RelyingParty(new["introspection"].url, outage_fleet.fleet.resource_servers["api"])
        discovered = await asked.get_json("/.well-known/openid-configuration")
        without_keys = await asked.get_json("/jwks")

    try:
        for name, server in new.items():
            system.urls[name].append(server.url)

        async def works() -> bool:
            return (await asked.get_json("/jwks")).status == 200

        await eventually(works)
        await outage_fleet.until_all_is_well()
        await require_whole_flow(outage_fleet.fleet, len(outage_fleet.replicas))
    finally:
        for name, server in new.items():
            system.urls[name].remove(server.url)
            system.run(server.close())
        await asked.browser.close()

    # A replica that has never seen a key is not ready, and says the same at every address.
    require_refusal(discovered, "temporarily_unavailable")
    require_refusal(without_keys, "temporarily_unavailable")


@NEVER_AGAIN
async def test_what_was_revoked_is_never_active_whatever_happens_to_the_stores(
    outage_fleet: OutageFleet, known: KnownUser
) -> None:
    async with AsyncExitStack() as stack:
        codes = await stack.enter_async_context(planted_codes(outage_fleet.fleet.system, known.party))
        grants = [await known.party.redeem(await codes.plant()) for _ in range(GRANTS_TO_REVOKE)]
        assert {reply.status for reply in grants} == {200}
        watch = await stack.enter_async_context(Watch(outage_fleet, known, grants))
        await asyncio.sleep(0.3)
        for _ in range(3):
            await outage_fleet.flush()
            await asyncio.sleep(0.2)
        await outage_fleet.save()
        await asyncio.sleep(0.3)
        for names in ("redis", "postgres", "both", "redis"):
            async with outage_fleet.without(names):
                await asyncio.sleep(0.4)
            await asyncio.sleep(0.5)
        await outage_fleet.until_all_is_well()
        await asyncio.sleep(0.3)

    assert watch.risen == []
    assert watch.fallen == []
    assert watch.unexpected == Counter()
    assert watch.revoked_meanwhile > 20
    assert watch.introspections["unavailable"] > 0
    assert watch.introspections["inactive"] > 100
    assert watch.introspections["active"] > 20


@NEVER_AGAIN
async def test_a_spent_code_stays_spent_when_redis_is_restored_from_before(
    outage_fleet: OutageFleet, known: KnownUser
) -> None:
    await outage_fleet.save()
    first = await known.party.redeem(known.codes[0])
    async with outage_fleet.without("redis"):
        pass
    await outage_fleet.until_all_is_well()

    again = [await at.redeem(known.codes[0]) for at in outage_fleet.fleet.at_each(known.party, "token")]

    assert first.status == 200
    for reply in again:
        require_refusal(reply, "invalid_grant")
    # It was presented by its rightful holder, so that what it gave is revoked. OAuth 2.1 §4.1.3.
    assert await outage_fleet.fleet.active(known.api, [first.access_token]) == [False, False]
    assert (await known.party.refresh(first.refresh_token)).error == "invalid_grant"


@NEVER_AGAIN
async def test_a_code_is_gone_with_a_flush_and_what_it_gave_is_not(outage_fleet: OutageFleet, known: KnownUser) -> None:
    first = await known.party.redeem(known.codes[0])
    await outage_fleet.flush()

    for code in known.codes:
        for at in outage_fleet.fleet.at_each(known.party, "token"):
            require_refusal(await at.redeem(code), "invalid_grant")

    assert await outage_fleet.fleet.active(known.api, [first.access_token]) == [True, True]
    assert (await known.party.refresh(first.refresh_token)).status == 200


@NEVER_AGAIN
async def test_a_rotated_refresh_token_stays_rotated_when_postgresql_has_crashed(
    outage_fleet: OutageFleet, known: KnownUser
) -> None:
    first = known.live.refresh_token
    second = await known.party.refresh(first)
    third = await known.party.refresh(second.refresh_token)
    async with outage_fleet.without("postgres"):
        pass
    await outage_fleet.until_all_is_well()

    kept = await known.party.refresh(third.refresh_token)
    reused = await known.party.refresh(first)

    assert kept.status == 200
    require_refusal(reused, "invalid_grant")
    assert (await known.party.refresh(kept.refresh_token)).error == "invalid_grant"


@pytest.mark.requirement("architecture 3: codes: exactly once, and a refusal for want of a store costs no code")
@pytest.mark.parametrize("names", ["redis", "postgres", "both"])
async def test_a_code_whose_redemption_met_an_absence_is_redeemed_afterwards(
    outage_fleet: OutageFleet, known: KnownUser, names: str
) -> None:
    await outage_fleet.save()
    async with outage_fleet.without(names):
        for at in outage_fleet.fleet.at_each(known.party, "token"):
            require_refusal(await at.redeem(known.codes[0]), "temporarily_unavailable")
    await outage_fleet.until_all_is_well()

    redeemed = await outage_fleet.fleet.at(known.party, "token", 1).redeem(known.codes[0])

    assert redeemed.status == 200
    assert await outage_fleet.fleet.active(known.api, [redeemed.access_token]) == [True, True]
    require_refusal(await known.party.redeem(known.codes[0]), "invalid_grant")


@pytest.mark.requirement("architecture 3: durable; a Redis restart must not log users out")
async def test_a_flush_signs_no_user_out(outage_fleet: OutageFleet, known: KnownUser) -> None:
    await outage_fleet.flush()

    for at in outage_fleet.fleet.at_each(known.party, "authorize"):
        assert "code" in query_of((await at.start(prompt="none")).location)


async def test_a_refresh_that_met_an_absence_succeeds_afterwards(outage_fleet: OutageFleet, known: KnownUser) -> None:
    async with outage_fleet.without("postgres"):
        for at in outage_fleet.fleet.at_each(known.party, "token"):
            require_refusal(await at.refresh(known.live.refresh_token), "temporarily_unavailable")
    await outage_fleet.until_all_is_well()

    assert (await known.party.refresh(known.live.refresh_token)).status == 200
