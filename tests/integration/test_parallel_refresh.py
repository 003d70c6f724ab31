"""One refresh token in many hands at every replica: one rotation, one successor, and nothing that outlives its end."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from support.fleet import Fleet
from support.planted_codes import PlantedCodes, planted_codes
from support.relying_party import RelyingParty, Reply
from support.systems import running_system
from support.tier import rounds
from valetkey.demo.stores.embedded_postgres import EmbeddedPostgres

ROUNDS = rounds(60, nightly=200)
HANDS = 6
GENERATION = "SELECT generation FROM authorizations WHERE id = $1"

Request = Callable[[], Coroutine[Any, Any, Reply]]


async def at_once(requests: Sequence[Request]) -> list[Reply]:
    """Send them all, and none before all are ready."""
    start = asyncio.Barrier(len(requests))

    async def send(request: Request) -> Reply:
        await start.wait()
        return await request()

    return await asyncio.gather(*map(send, requests))


def refreshing(replicas: Sequence[RelyingParty], refresh_token: str) -> list[Request]:
    """As many requests as there are hands, over all replicas."""
    return [partial(replicas[hand % len(replicas)].refresh, refresh_token) for hand in range(HANDS)]


@pytest.mark.requirement("security 20: races give one successor")
async def test_parallel_refreshes_rotate_once_and_all_get_the_same_successor(
    fleet: Fleet, web: RelyingParty, codes: PlantedCodes, resource_server: RelyingParty
) -> None:
    replicas, authorization_id = fleet.at_each(web, "token"), uuid4()
    latest = await web.redeem(await codes.plant(authorization_id=authorization_id))
    rounds = Counter[tuple[int, int]]()
    replies = [latest]

    for _ in range(ROUNDS):
        replies = await at_once(refreshing(replicas, latest.refresh_token))
        successors = {reply.refresh_token for reply in replies if reply.status == 200} - {latest.refresh_token}
        rounds[sum(reply.status == 200 for reply in replies), len(successors)] += 1
        latest = replies[0]

    assert rounds == {(HANDS, 1): ROUNDS}
    connection = await asyncpg.connect(fleet.system.postgres_dsn)
    assert await connection.fetchval(GENERATION, authorization_id) == ROUNDS + 1
    await connection.close()
    assert all(await fleet.active(resource_server, [reply.access_token for reply in replies]))


@pytest.fixture(scope="module")
def graceless(postgres_server: EmbeddedPostgres, migrated_template: str) -> Iterator[Fleet]:
    """Replicas that take every second presentation for a theft."""
    changes = {"refresh_grace": "0s"}
    with running_system(postgres_server, migrated_template, replicas=3, changes=changes) as system:
        yield Fleet(system, system.run(system.administration.create_catalog()))


@pytest.fixture
async def victim(graceless: Fleet) -> AsyncIterator[RelyingParty]:
    party = await graceless.new_party()
    yield party
    await party.browser.close()


@pytest.fixture
async def api_of_graceless(graceless: Fleet) -> AsyncIterator[RelyingParty]:
    party = graceless.new_api()
    yield party
    await party.browser.close()


@pytest.mark.requirement("security 20: rotation with reuse detection")
async def test_without_a_grace_period_one_refresh_succeeds_and_the_others_end_the_authorization(
    graceless: Fleet, victim: RelyingParty, api_of_graceless: RelyingParty
) -> None:
    replicas = graceless.at_each(victim, "token")
    rounds = Counter[tuple[int, int]]()
    alive: list[object] = []

    async with planted_codes(graceless.system, victim) as codes:
        for number in range(ROUNDS):
            first = await replicas[number % 3].redeem(await codes.plant())
            replies = await at_once(refreshing(replicas, first.refresh_token))
            winners = [reply for reply in replies if reply.status == 200]
            rounds[len(winners), sum(reply.error == "invalid_grant" for reply in replies)] += 1
            tokens = [reply.access_token for reply in (first, *winners)]
            alive += [number for active in await graceless.active(api_of_graceless, tokens) if active]
            again = [await replicas[(number + 1) % 3].refresh(reply.refresh_token) for reply in winners]
            alive += [reply.body for reply in again if reply.error != "invalid_grant"]

    assert rounds == {(1, HANDS - 1): ROUNDS}
    assert alive == []


@dataclass
class Storm:
    """Refreshes of one token, and one revocation among them."""

    fleet: Fleet
    api: RelyingParty
    minted: list[Reply]
    active_at_the_answer: list[bool] = field(default_factory=list)

    async def refresh(self, hand: RelyingParty, refresh_token: str, delay: float) -> Reply:
        await asyncio.sleep(delay)
        reply = await hand.refresh(refresh_token)
        self.minted += [reply] if reply.status == 200 else []
        return reply

    async def revoke(self, hand: RelyingParty, token: str) -> Reply:
        reply = await hand.revoke(token)
        self.active_at_the_answer = await self.active()
        return reply

    async def active(self) -> list[bool]:
        return await self.fleet.active(self.api, [reply.access_token for reply in self.minted])


@pytest.mark.requirement("security 23: after revoke has answered, nothing minted from the grant is active")
@pytest.mark.parametrize("revoked", [0, 1], ids=["the token before", "the latest token"])
async def test_nothing_lives_on_that_was_refreshed_while_it_was_revoked(
    fleet: Fleet, web: RelyingParty, codes: PlantedCodes, resource_server: RelyingParty, revoked: int
) -> None:
    replicas = fleet.at_each(web, "token")
    successes, alive = Counter[int](), list[object]()

    for number in range(ROUNDS):
        first = await replicas[number % 3].redeem(await codes.plant())
        second = await replicas[number % 3].refresh(first.refresh_token)
        storm = Storm(fleet, resource_server, [first, second])
        requests = [
            partial(storm.refresh, replicas[hand % 3], second.refresh_token, (number % 8) * hand * 0.0005)
            for hand in range(HANDS)
        ]
        revoking = partial(storm.revoke, replicas[number % 2], (first, second)[revoked].refresh_token)
        *replies, answer = await at_once([*requests, revoking])

        assert answer.status == 200
        assert {reply.error for reply in replies} <= {None, "invalid_grant"}
        successes[sum(reply.status == 200 for reply in replies)] += 1
        alive += [number for active in [*storm.active_at_the_answer, *await storm.active()] if active]
        again = [await replicas[number % 3].refresh(reply.refresh_token) for reply in storm.minted]
        alive += [reply.body for reply in again if reply.error != "invalid_grant"]

    assert alive == []
    assert successes[0] > 0, successes
    assert successes.total() - successes[0] > 0, successes
