"""How many access tokens one client may have remembered as revoked; ending an authorization is always possible."""

import json
from collections import Counter

import pytest
from redis.asyncio import Redis

from support.captured_output import captured_output
from support.relying_party import RelyingParty
from support.system import System
from support.systems import MakeParty, StartSystem
from valetkey.storage.postgres.database.statement import Statement
from valetkey.token import revocation_limit

LIMIT = 5
SCOPE = "openid offline_access api:read"
pytestmark = pytest.mark.requirement("security 55c: what a client can leave is bounded")


@pytest.fixture(scope="module")
def guarded(start_system: StartSystem) -> System:
    return start_system(replicas=2, changes={"revocations_per_client": str(LIMIT), "access_token_lifetime": "120"})


async def machine_of(make_party: MakeParty, system: System) -> RelyingParty:
    return await make_party(await system.administration.create_machine(), at=system)


async def tokens_of(machine: RelyingParty, number: int) -> list[str]:
    return [(await machine.token("client_credentials")).access_token for _ in range(number)]


async def refreshed(party: RelyingParty, number: int) -> tuple[list[str], str]:
    """So many access tokens of one authorization, and its newest refresh token."""
    reply = await party.log_in(scope=SCOPE)
    tokens = [reply.access_token]
    for _ in range(number - 1):
        reply = await party.refresh(reply.refresh_token)
        tokens.append(reply.access_token)
    return tokens, reply.refresh_token


async def test_a_client_revokes_so_many_tokens_one_by_one_and_is_told_to_wait(
    make_party: MakeParty, guarded: System
) -> None:
    machine = await machine_of(make_party, guarded)
    tokens = await tokens_of(machine, LIMIT + 3)

    replies = [await machine.revoke(token) for token in tokens]
    states = [(await machine.introspect(token)).active for token in tokens]

    assert [reply.status for reply in replies] == [200] * LIMIT + [429] * 3
    assert replies[-1].headers["Retry-After"] == "120"
    assert replies[-1].error == "temporarily_unavailable"
    assert states == [False] * LIMIT + [True] * 3


async def test_another_client_is_not_concerned(make_party: MakeParty, guarded: System) -> None:
    greedy, other = await machine_of(make_party, guarded), await machine_of(make_party, guarded)
    for token in await tokens_of(greedy, LIMIT + 1):
        await greedy.revoke(token)

    statuses = [(await other.revoke(token)).status for token in await tokens_of(other, LIMIT)]

    assert statuses == [200] * LIMIT


async def test_a_refresh_token_ends_everything_all_the_same(make_party: MakeParty, guarded: System) -> None:
    party = await make_party(at=guarded)
    tokens, newest = await refreshed(party, LIMIT + 1)
    for token in tokens:
        last = await party.revoke(token)

    ended = await party.revoke(newest)

    assert (last.status, ended.status) == (429, 200)
    assert not any([(await party.introspect(token)).active for token in tokens])


async def test_of_a_public_client_each_authorization_is_counted_apart(
    make_party: MakeParty, guarded: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revocation_limit, "PER_AUTHORIZATION", 3)
    with System(guarded.postgres_dsn, guarded.redis_url) as system:
        first = await make_party(method="none", at=system)
        second = await make_party(first.client, at=system)
        (greedy, _), (polite, _) = await refreshed(first, 5), await refreshed(second, 3)

        statuses = [Counter([(await party.revoke(token)).status for token in tokens])
                    for party, tokens in ((first, greedy), (second, polite))]  # fmt: skip

    assert statuses == [{200: 3, 429: 2}, {200: 3}]


@pytest.mark.parametrize("token", ["nonsense", "vk_rt_nonsense", ""])
async def test_what_revokes_nothing_counts_for_nothing(make_party: MakeParty, guarded: System, token: str) -> None:
    machine, other = await machine_of(make_party, guarded), await machine_of(make_party, guarded)
    (foreign,) = await tokens_of(other, 1)
    for _ in range(2 * LIMIT):
        await machine.revoke(token)
        await machine.revoke(foreign)

    statuses = [(await machine.revoke(own)).status for own in await tokens_of(machine, LIMIT)]

    assert statuses == [200] * LIMIT


async def test_what_is_remembered_is_bounded_in_both_stores(make_party: MakeParty, guarded: System) -> None:
    machine = await machine_of(make_party, guarded)
    async with Redis.from_url(guarded.redis_url) as redis, guarded.administration.database() as database:

        async def remembered() -> Counter[str]:
            rows = await database.fetch(Statement("count", "SELECT target FROM revocations WHERE kind = 'token'"))
            return Counter(redis=len(await redis.keys("vk:{rev}:token:*")), postgres=len(rows))

        before = await remembered()

        for token in await tokens_of(machine, 4 * LIMIT):
            await machine.revoke(token)

        after = await remembered()

    assert after - before == {"redis": LIMIT, "postgres": LIMIT}


async def test_a_refusal_is_audited_once_and_counted(make_party: MakeParty, guarded: System) -> None:
    machine = await machine_of(make_party, guarded)
    tokens = await tokens_of(machine, LIMIT + 3)

    with captured_output() as heard:
        for token in tokens:
            await machine.revoke(token)

    events = [json.loads(line) for line in heard.getvalue().splitlines() if '"type":"token.revoked"' in line]
    metrics = await machine.browser.get(f"{guarded.management_urls['token'][0]}/metrics")
    assert [event["reason"] for event in events if event["outcome"] == "failure"] == ["the limit revocations is spent"]
    assert 'valetkey_rate_limited_total{limit="revocations"}' in metrics.text
