"""PostgreSQL or Redis gone: what goes on, what is refused and how, at every replica. Architecture, degraded modes."""

import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from itertools import product
from typing import TypeAlias

import pytest
from aiohttp import ClientSession

from support.browser import Answer, query_of
from support.front_channel import require_shown
from support.household import Acquaintance, Household
from support.refusal import require_refusal
from support.relying_party import Reply
from support.tokens import claims_of

AWAY = pytest.mark.requirement("security 55: dependencies away: fail closed, 503 with Retry-After")
MODES = pytest.mark.requirement("architecture 4: degraded modes")
Operation: TypeAlias = Callable[[Household, Acquaintance, int], Awaitable[Reply | Answer]]


@pytest.fixture
async def known(household: Household) -> AsyncIterator[Acquaintance]:
    """Somebody whom every replica has met while all was well."""
    async with household.acquaintance() as acquaintance:
        yield acquaintance


async def client_credentials(household: Household, known: Acquaintance, replica: int) -> Reply:
    return await household.fleet.at(known.machine, "token", replica).token("client_credentials")


async def introspection(household: Household, known: Acquaintance, replica: int) -> Reply:
    return await household.fleet.at(known.api, "introspection", replica).introspect(known.live.access_token)


async def introspection_of_revoked(household: Household, known: Acquaintance, replica: int) -> Reply:
    return await household.fleet.at(known.api, "introspection", replica).introspect(known.revoked.access_token)


async def discovery(household: Household, known: Acquaintance, replica: int) -> Reply:
    return await household.fleet.at(known.api, "introspection", replica).get_json("/.well-known/openid-configuration")


async def keys(household: Household, known: Acquaintance, replica: int) -> Reply:
    return await household.fleet.at(known.api, "introspection", replica).get_json("/jwks")


async def userinfo(household: Household, known: Acquaintance, replica: int) -> Reply:
    return await household.fleet.at(known.party, "introspection", replica).userinfo(known.live.access_token)


async def refresh(household: Household, known: Acquaintance, replica: int) -> Reply:
    return await household.fleet.at(known.party, "token", replica).refresh(known.refresh_tokens[replica])


async def redemption(household: Household, known: Acquaintance, replica: int) -> Reply:
    return await household.fleet.at(known.party, "token", replica).redeem(known.codes[replica])


async def revocation(household: Household, known: Acquaintance, replica: int) -> Reply:
    return await household.fleet.at(known.party, "token", replica).revoke(known.live.refresh_token)


async def login(household: Household, known: Acquaintance, replica: int) -> Answer:
    return await household.fleet.at(known.party, "authorize", replica).sign_in(known.login_pages[replica])


async def single_sign_on(household: Household, known: Acquaintance, replica: int) -> Answer:
    return await household.fleet.at(known.party, "authorize", replica).start(prompt="none", state="s")


WORKS_WITHOUT: dict[str, list[Operation]] = {
    "redis": [
        client_credentials,
        introspection,
        introspection_of_revoked,
        discovery,
        keys,
        userinfo,
        refresh,
    ],
    "postgres": [client_credentials, introspection, introspection_of_revoked, discovery, keys],
    "both": [client_credentials, discovery, keys],
}
REFUSED_WITHOUT: dict[str, list[Operation]] = {
    "redis": [redemption, revocation, login, single_sign_on],
    "postgres": [userinfo, refresh, redemption, revocation, login, single_sign_on],
    "both": [
        introspection,
        introspection_of_revoked,
        userinfo,
        refresh,
        redemption,
        revocation,
        login,
        single_sign_on,
    ],
}


def require_unavailable(answer: Reply | Answer) -> None:
    """A 503 that says when to come again, or the same said to the client by way of the browser."""
    if isinstance(answer, Answer) and answer.is_redirect:
        params = query_of(answer.location)
        assert (params["error"], params["state"]) == ("temporarily_unavailable", "s")
        assert "code" not in params
        return
    if isinstance(answer, Answer):
        require_shown(answer, 503)
    else:
        require_refusal(answer, "temporarily_unavailable")
    assert int(answer.headers["Retry-After"]) > 0


async def require_degraded(
    household: Household, known: Acquaintance, names: str, replicas: Sequence[int] = (0, 1)
) -> None:
    """The row of the table, at these replicas."""
    for operation, replica in product(WORKS_WITHOUT[names], replicas):
        answer = await operation(household, known, replica)
        assert answer.status == 200, f"{operation.__name__} at {replica}: {answer}"
        if operation in (introspection, introspection_of_revoked):
            assert isinstance(answer, Reply)
            assert answer.active == (operation is introspection)
    for operation, replica in product(REFUSED_WITHOUT[names], replicas):
        require_unavailable(await operation(household, known, replica))


@AWAY
@MODES
@pytest.mark.parametrize("names", ["redis", "postgres", "both"])
async def test_what_needs_what_is_away_is_refused_and_all_else_goes_on(
    household: Household, known: Acquaintance, names: str
) -> None:
    async with household.without(names):
        await require_degraded(household, known, names)


@AWAY
@MODES
async def test_a_redis_that_hangs_delays_and_is_then_as_good_as_gone(household: Household, known: Acquaintance) -> None:
    assert household.redis.pid is not None
    os.kill(household.redis.pid, signal.SIGSTOP)

    try:
        await require_degraded(household, known, "redis", replicas=[0])
    finally:
        os.kill(household.redis.pid, signal.SIGCONT)


@AWAY
@pytest.mark.parametrize("names", ["redis", "postgres", "both"])
async def test_readiness_follows_no_store(household: Household, names: str) -> None:
    urls = [url for replicas in household.fleet.system.management_urls.values() for url in replicas]

    async with household.without(names), ClientSession() as http:
        for url in urls:
            for path in ("/readyz", "/livez"):
                async with http.get(url + path) as answer:
                    assert answer.status == 200


@pytest.mark.requirement("security 55: never a default client")
async def test_without_postgresql_nobody_is_called_unknown(household: Household, known: Acquaintance) -> None:
    stranger, machine = await household.fleet.new_party(), await household.fleet.new_machine()

    async with household.without("postgres"):
        for replica in household.replicas:
            at = household.fleet.at(machine, "token", replica)
            require_unavailable(await at.token("client_credentials"))
            introspecting = household.fleet.at(stranger, "introspection", replica)
            require_unavailable(await introspecting.introspect(known.live.access_token))

    for each in (stranger, machine):
        await each.browser.close()


@MODES
async def test_clients_in_memory_serve_for_minutes_and_no_longer(household: Household, known: Acquaintance) -> None:
    async with household.without("postgres"):
        household.clock.advance(seconds=590)
        still = [await client_credentials(household, known, replica) for replica in household.replicas]
        household.clock.advance(seconds=15)
        too_late = [await client_credentials(household, known, replica) for replica in household.replicas]

        assert [reply.status for reply in still] == [200, 200]
        for reply in too_late:
            require_unavailable(reply)
        for replica in household.replicas:
            require_unavailable(await introspection(household, known, replica))
            assert (await keys(household, known, replica)).status == 200
            assert (await discovery(household, known, replica)).status == 200


@AWAY
@pytest.mark.parametrize("names", ["redis", "postgres", "both"])
async def test_a_revocation_that_was_refused_says_so_and_succeeds_when_tried_again(
    household: Household, known: Acquaintance, names: str
) -> None:
    async with household.without(names):
        require_unavailable(await revocation(household, known, 0))

    await household.until_all_is_well()
    assert (await revocation(household, known, 1)).status == 200
    assert not any(await household.fleet.active(known.api, [known.live.access_token]))
    assert (await known.party.refresh(known.live.refresh_token)).error == "invalid_grant"


@pytest.mark.requirement("security 22: a storage failure is 503, never 200")
async def test_what_only_postgresql_has_taken_is_dead_at_once_and_stays_dead(
    household: Household, known: Acquaintance
) -> None:
    await household.save()
    async with household.without("redis"):
        require_unavailable(await revocation(household, known, 0))
        dead_at_once = await household.fleet.active(known.api, [known.live.access_token])

    assert dead_at_once == [False, False]
    await household.until_redis_is_trusted(known)
    assert await household.fleet.active(known.api, [known.live.access_token]) == [False, False]
    assert claims_of(known.live.access_token)["exp"] > household.clock().timestamp()
