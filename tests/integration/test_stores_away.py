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
from support.outage_fleet import KnownUser, OutageFleet
from support.refusal import require_refusal
from support.relying_party import Reply
from support.tokens import claims_of

AWAY = pytest.mark.requirement("security 55: dependencies away: fail closed, 503 with Retry-After")
MODES = pytest.mark.requirement("architecture 4: degraded modes")
Operation: TypeAlias = Callable[[OutageFleet, KnownUser, int], Awaitable[Reply | Answer]]


@pytest.fixture
async def known(outage_fleet: OutageFleet) -> AsyncIterator[KnownUser]:
    """A user and clients that every replica has served before the outage."""
    async with outage_fleet.known_user() as known_user:
        yield known_user


async def client_credentials(outage_fleet: OutageFleet, known: KnownUser, replica: int) -> Reply:
    return await outage_fleet.fleet.at(known.machine, "token", replica).token("client_credentials")


async def introspection(outage_fleet: OutageFleet, known: KnownUser, replica: int) -> Reply:
    return await outage_fleet.fleet.at(known.api, "introspection", replica).introspect(known.live.access_token)


async def introspection_of_revoked(outage_fleet: OutageFleet, known: KnownUser, replica: int) -> Reply:
    return await outage_fleet.fleet.at(known.api, "introspection", replica).introspect(known.revoked.access_token)


async def discovery(outage_fleet: OutageFleet, known: KnownUser, replica: int) -> Reply:
    return await outage_fleet.fleet.at(known.api, "introspection", replica).get_json(
        "/.well-known/openid-configuration"
    )


async def keys(outage_fleet: OutageFleet, known: KnownUser, replica: int) -> Reply:
    return await outage_fleet.fleet.at(known.api, "introspection", replica).get_json("/jwks")


async def userinfo(outage_fleet: OutageFleet, known: KnownUser, replica: int) -> Reply:
    return await outage_fleet.fleet.at(known.party, "introspection", replica).userinfo(known.live.access_token)


async def refresh(outage_fleet: OutageFleet, known: KnownUser, replica: int) -> Reply:
    return await outage_fleet.fleet.at(known.party, "token", replica).refresh(known.refresh_tokens[replica])


async def redemption(outage_fleet: OutageFleet, known: KnownUser, replica: int) -> Reply:
    return await outage_fleet.fleet.at(known.party, "token", replica).redeem(known.codes[replica])


async def revocation(outage_fleet: OutageFleet, known: KnownUser, replica: int) -> Reply:
    return await outage_fleet.fleet.at(known.party, "token", replica).revoke(known.live.refresh_token)


async def login(outage_fleet: OutageFleet, known: KnownUser, replica: int) -> Answer:
    return await outage_fleet.fleet.at(known.party, "authorize", replica).sign_in(known.login_pages[replica])


async def single_sign_on(outage_fleet: OutageFleet, known: KnownUser, replica: int) -> Answer:
    return await outage_fleet.fleet.at(known.party, "authorize", replica).start(prompt="none", state="s")


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
    outage_fleet: OutageFleet, known: KnownUser, names: str, replicas: Sequence[int] = (0, 1)
) -> None:
    """The row of the table, at these replicas."""
    for operation, replica in product(WORKS_WITHOUT[names], replicas):
        answer = await operation(outage_fleet, known, replica)
        assert answer.status == 200, f"{operation.__name__} at {replica}: {answer}"
        if operation in (introspection, introspection_of_revoked):
            assert isinstance(answer, Reply)
            assert answer.active == (operation is introspection)
    for operation, replica in product(REFUSED_WITHOUT[names], replicas):
        require_unavailable(await operation(outage_fleet, known, replica))


@AWAY
@MODES
@pytest.mark.parametrize("names", ["redis", "postgres", "both"])
async def test_what_needs_what_is_away_is_refused_and_all_else_goes_on(
    outage_fleet: OutageFleet, known: KnownUser, names: str
) -> None:
    async with outage_fleet.without(names):
        await require_degraded(outage_fleet, known, names)


@AWAY
@MODES
async def test_a_redis_that_hangs_delays_and_is_then_as_good_as_gone(
    outage_fleet: OutageFleet, known: KnownUser
) -> None:
    assert outage_fleet.redis.pid is not None
    os.kill(outage_fleet.redis.pid, signal.SIGSTOP)

    try:
        await require_degraded(outage_fleet, known, "redis", replicas=[0])
    finally:
        os.kill(outage_fleet.redis.pid, signal.SIGCONT)


@AWAY
@pytest.mark.parametrize("names", ["redis", "postgres", "both"])
async def test_readiness_follows_no_store(outage_fleet: OutageFleet, names: str) -> None:
    urls = [url for replicas in outage_fleet.fleet.system.management_urls.values() for url in replicas]

    async with outage_fleet.without(names), ClientSession() as http:
        for url in urls:
            for path in ("/readyz", "/livez"):
                async with http.get(url + path) as answer:
                    assert answer.status == 200


@pytest.mark.requirement("security 55: never a default client")
async def test_without_postgresql_no_client_is_called_unknown(outage_fleet: OutageFleet, known: KnownUser) -> None:
    new_party, machine = await outage_fleet.fleet.new_party(), await outage_fleet.fleet.new_machine()

    async with outage_fleet.without("postgres"):
        for replica in outage_fleet.replicas:
            at = outage_fleet.fleet.at(machine, "token", replica)
            require_unavailable(await at.token("client_credentials"))
            introspecting = outage_fleet.fleet.at(new_party, "introspection", replica)
            require_unavailable(await introspecting.introspect(known.live.access_token))

    for each in (new_party, machine):
        await each.browser.close()


@MODES
async def test_clients_in_memory_serve_for_minutes_and_no_longer(outage_fleet: OutageFleet, known: KnownUser) -> None:
    async with outage_fleet.without("postgres"):
        outage_fleet.clock.advance(seconds=590)
        still = [await client_credentials(outage_fleet, known, replica) for replica in outage_fleet.replicas]
        outage_fleet.clock.advance(seconds=15)
        too_late = [await client_credentials(outage_fleet, known, replica) for replica in outage_fleet.replicas]

        assert [reply.status for reply in still] == [200, 200]
        for reply in too_late:
            require_unavailable(reply)
        for replica in outage_fleet.replicas:
            require_unavailable(await introspection(outage_fleet, known, replica))
            assert (await keys(outage_fleet, known, replica)).status == 200
            assert (await discovery(outage_fleet, known, replica)).status == 200


@AWAY
@pytest.mark.parametrize("names", ["redis", "postgres", "both"])
async def test_a_revocation_that_was_refused_says_so_and_succeeds_when_tried_again(
    outage_fleet: OutageFleet, known: KnownUser, names: str
) -> None:
    async with outage_fleet.without(names):
        require_unavailable(await revocation(outage_fleet, known, 0))

    await outage_fleet.until_all_is_well()
    assert (await revocation(outage_fleet, known, 1)).status == 200
    assert not any(await outage_fleet.fleet.active(known.api, [known.live.access_token]))
    assert (await known.party.refresh(known.live.refresh_token)).error == "invalid_grant"


@pytest.mark.requirement("security 22: a storage failure is 503, never 200")
async def test_what_only_postgresql_has_taken_is_dead_at_once_and_stays_dead(
    outage_fleet: OutageFleet, known: KnownUser
) -> None:
    await outage_fleet.save()
    async with outage_fleet.without("redis"):
        require_unavailable(await revocation(outage_fleet, known, 0))
        dead_at_once = await outage_fleet.fleet.active(known.api, [known.live.access_token])

    assert dead_at_once == [False, False]
    await outage_fleet.until_redis_is_trusted(known)
    assert await outage_fleet.fleet.active(known.api, [known.live.access_token]) == [False, False]
    assert claims_of(known.live.access_token)["exp"] > outage_fleet.clock().timestamp()
