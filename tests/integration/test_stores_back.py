"""PostgreSQL and Redis come back, emptied, restored or as they were: all goes on, and nothing rises from the dead."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from support.browser import query_of
from support.eventually import eventually
from support.household import Acquaintance, Household
from support.planted_codes import planted_codes
from support.refusal import require_refusal
from support.relying_party import RelyingParty
from support.resurrection import Watch
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
async def known(household: Household) -> AsyncIterator[Acquaintance]:
    """Somebody whom every replica has met while all was well."""
    async with household.acquaintance() as acquaintance:
        yield acquaintance


@RECOVERS
@pytest.mark.parametrize("names", ["redis", "postgres", "both"])
async def test_services_that_met_an_absence_recover_by_themselves(
    household: Household, known: Acquaintance, names: str
) -> None:
    async with household.without(names):
        for at, code in zip(household.fleet.at_each(known.party, "token"), known.codes, strict=True):
            require_refusal(await at.redeem(code), "temporarily_unavailable")

    await household.until_all_is_well()


@RECOVERS
@pytest.mark.parametrize("names", ["redis", "postgres", "both"])
async def test_a_restart_that_nobody_noticed_costs_nobody_a_request(household: Household, names: str) -> None:
    for store in household.stores(names):
        await asyncio.to_thread(store.restart)
    # That a connection was cut is known once the services have had time to see it.
    await asyncio.sleep(0.2)

    for replica in household.replicas:
        await require_whole_flow(household.fleet, replica)


@RECOVERS
async def test_services_start_while_everything_is_away_and_work_when_it_is_there(household: Household) -> None:
    system = household.fleet.system
    async with household.without("both"):
        new = {
            name: system.run(start_app(create(system.settings, clock=system.clock), system.settings))
            for name, create in SERVICES.items()
        }
        asked = RelyingParty(new["introspection"].url, household.fleet.resource_servers["api"])
        discovered = await asked.get_json("/.well-known/openid-configuration")
        without_keys = await asked.get_json("/jwks")

    try:
        for name, server in new.items():
            system.urls[name].append(server.url)

        async def works() -> bool:
            return (await asked.get_json("/jwks")).status == 200

        await eventually(works)
        await household.until_all_is_well()
        await require_whole_flow(household.fleet, len(household.replicas))
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
    household: Household, known: Acquaintance
) -> None:
    async with AsyncExitStack() as stack:
        codes = await stack.enter_async_context(planted_codes(household.fleet.system, known.party))
        grants = [await known.party.redeem(await codes.plant()) for _ in range(GRANTS_TO_REVOKE)]
        assert {reply.status for reply in grants} == {200}
        watch = await stack.enter_async_context(Watch(household, known, grants))
        await asyncio.sleep(0.3)
        for _ in range(3):
            await household.flush()
            await asyncio.sleep(0.2)
        await household.save()
        await asyncio.sleep(0.3)
        for names in ("redis", "postgres", "both", "redis"):
            async with household.without(names):
                await asyncio.sleep(0.4)
            await asyncio.sleep(0.5)
        await household.until_all_is_well()
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
    household: Household, known: Acquaintance
) -> None:
    await household.save()
    first = await known.party.redeem(known.codes[0])
    async with household.without("redis"):
        pass
    await household.until_all_is_well()

    again = [await at.redeem(known.codes[0]) for at in household.fleet.at_each(known.party, "token")]

    assert first.status == 200
    for reply in again:
        require_refusal(reply, "invalid_grant")
    # It was presented by its rightful holder, so that what it gave is revoked. OAuth 2.1 §4.1.3.
    assert await household.fleet.active(known.api, [first.access_token]) == [False, False]
    assert (await known.party.refresh(first.refresh_token)).error == "invalid_grant"


@NEVER_AGAIN
async def test_a_code_is_gone_with_a_flush_and_what_it_gave_is_not(household: Household, known: Acquaintance) -> None:
    first = await known.party.redeem(known.codes[0])
    await household.flush()

    for code in known.codes:
        for at in household.fleet.at_each(known.party, "token"):
            require_refusal(await at.redeem(code), "invalid_grant")

    assert await household.fleet.active(known.api, [first.access_token]) == [True, True]
    assert (await known.party.refresh(first.refresh_token)).status == 200


@NEVER_AGAIN
async def test_a_rotated_refresh_token_stays_rotated_when_postgresql_has_crashed(
    household: Household, known: Acquaintance
) -> None:
    first = known.live.refresh_token
    second = await known.party.refresh(first)
    third = await known.party.refresh(second.refresh_token)
    async with household.without("postgres"):
        pass
    await household.until_all_is_well()

    kept = await known.party.refresh(third.refresh_token)
    reused = await known.party.refresh(first)

    assert kept.status == 200
    require_refusal(reused, "invalid_grant")
    assert (await known.party.refresh(kept.refresh_token)).error == "invalid_grant"


@pytest.mark.requirement("architecture 3: codes: exactly once, and a refusal for want of a store costs no code")
@pytest.mark.parametrize("names", ["redis", "postgres", "both"])
async def test_a_code_whose_redemption_met_an_absence_is_redeemed_afterwards(
    household: Household, known: Acquaintance, names: str
) -> None:
    await household.save()
    async with household.without(names):
        for at in household.fleet.at_each(known.party, "token"):
            require_refusal(await at.redeem(known.codes[0]), "temporarily_unavailable")
    await household.until_all_is_well()

    redeemed = await household.fleet.at(known.party, "token", 1).redeem(known.codes[0])

    assert redeemed.status == 200
    assert await household.fleet.active(known.api, [redeemed.access_token]) == [True, True]
    require_refusal(await known.party.redeem(known.codes[0]), "invalid_grant")


@pytest.mark.requirement("architecture 3: durable; a Redis restart must not log everyone out")
async def test_nobody_is_signed_out_by_a_flush(household: Household, known: Acquaintance) -> None:
    await household.flush()

    for at in household.fleet.at_each(known.party, "authorize"):
        assert "code" in query_of((await at.start(prompt="none")).location)


async def test_a_refresh_that_met_an_absence_succeeds_afterwards(household: Household, known: Acquaintance) -> None:
    async with household.without("postgres"):
        for at in household.fleet.at_each(known.party, "token"):
            require_refusal(await at.refresh(known.live.refresh_token), "temporarily_unavailable")
    await household.until_all_is_well()

    assert (await known.party.refresh(known.live.refresh_token)).status == 200
