"""One code, redeemed by many requests in the same moment at every replica: one succeeds, whatever the others ask."""

import asyncio
import secrets
from collections import Counter
from collections.abc import Coroutine, Sequence
from typing import Any

import pytest

from support.fleet import Fleet
from support.planted_codes import PlantedCodes
from support.relying_party import CodeResponse, RelyingParty, Reply
from support.tier import rounds

ROUNDS = rounds(40, nightly=200)
HANDS = 6
ONE_SUCCESS = pytest.mark.requirement(
    "security 15: one success per code under any number of parallel redemptions on any replicas"
)


async def redeem_at_once(hands: Sequence[RelyingParty], code: CodeResponse) -> list[Reply]:
    """Every hand redeems, and none before all are ready."""
    start = asyncio.Barrier(len(hands))
    return await asyncio.gather(*(at_once(start, hand, code) for hand in hands))


async def at_once(start: asyncio.Barrier, hand: RelyingParty, code: CodeResponse, **changes: str | None) -> Reply:
    await start.wait()
    return await hand.redeem(code, **changes)


def outcome(reply: Reply) -> str:
    return "tokens" if reply.status == 200 else f"{reply.status} {reply.error}"


@ONE_SUCCESS
@pytest.mark.requirement("security 15: a valid replay revokes what was issued")
async def test_one_of_many_succeeds_and_its_tokens_die_of_the_replays(
    fleet: Fleet, web: RelyingParty, resource_server: RelyingParty, codes: PlantedCodes
) -> None:
    replicas = fleet.at_each(web, "token")
    hands = [replicas[hand % len(replicas)] for hand in range(HANDS)]
    rounds = Counter[tuple[tuple[str, int], ...]]()
    alive: list[object] = []

    for number in range(ROUNDS):
        replies = await redeem_at_once(hands, await codes.plant())
        rounds[tuple(sorted(Counter(map(outcome, replies)).items()))] += 1
        for winner in (reply for reply in replies if reply.status == 200):
            refreshed = await replicas[number % len(replicas)].refresh(winner.refresh_token)
            alive += [refreshed.body] if refreshed.error != "invalid_grant" else []
            alive += [number for active in await fleet.active(resource_server, [winner.access_token]) if active]

    assert rounds == {(("400 invalid_grant", HANDS - 1), ("tokens", 1)): ROUNDS}
    assert alive == []


@ONE_SUCCESS
@pytest.mark.parametrize("method", ["client_secret_post", "none"])
async def test_one_of_many_succeeds_with_codes_that_came_through_a_browser(fleet: Fleet, method: str) -> None:
    party = await fleet.new_party(method)
    api = fleet.new_api()
    replicas = fleet.at_each(party, "token")

    for _ in range(5):
        code = await party.authorize(scope="openid api:read")
        replies = await redeem_at_once([*replicas, *replicas], code)

        (winner,) = [reply for reply in replies if reply.status == 200]
        assert Counter(map(outcome, replies)) == {"tokens": 1, "400 invalid_grant": 5}
        assert not any(await fleet.active(api, [winner.access_token]))

    await party.browser.close()
    await api.browser.close()


@pytest.mark.requirement("security 15: an invalid replay does not revoke")
async def test_concurrent_wrong_redemptions_neither_keep_the_right_one_from_its_tokens_nor_end_them(
    fleet: Fleet, web: RelyingParty, resource_server: RelyingParty, codes: PlantedCodes
) -> None:
    other = await fleet.new_party()
    replicas, others = fleet.at_each(web, "token"), fleet.at_each(other, "token")
    rounds = Counter[tuple[str, tuple[tuple[str, int], ...]]]()
    dead: list[object] = []

    for number in range(ROUNDS):
        code, start = await codes.plant(), asyncio.Barrier(HANDS + 1)
        wrong = wrong_redemptions(replicas, others, code, start)
        right = at_once(start, replicas[number % 3], code)
        first, *other_replies = await asyncio.gather(right, *wrong)
        rounds[outcome(first), tuple(sorted(Counter(map(outcome, other_replies)).items()))] += 1
        dead += [number for active in await fleet.active(resource_server, [first.access_token]) if not active]
        refreshed = await replicas[number % 3].refresh(first.refresh_token)
        dead += [refreshed.body] if refreshed.status != 200 else []

    assert rounds == {("tokens", (("400 invalid_grant", HANDS),)): ROUNDS}
    assert dead == []
    await other.browser.close()


@ONE_SUCCESS
async def test_a_replay_kills_at_whichever_replica_and_however_often_it_comes(
    fleet: Fleet, web: RelyingParty, resource_server: RelyingParty, codes: PlantedCodes
) -> None:
    replicas = fleet.at_each(web, "token")

    for first in replicas:
        for second in replicas:
            code = await codes.plant()
            tokens = await first.redeem(code)
            assert all(await fleet.active(resource_server, [tokens.access_token]))

            replays = [await second.redeem(code) for _ in range(3)]

            assert [reply.error for reply in replays] == ["invalid_grant"] * 3
            assert not any(await fleet.active(resource_server, [tokens.access_token]))
            assert [(await each.refresh(tokens.refresh_token)).error for each in replicas] == ["invalid_grant"] * 3


def wrong_redemptions(
    replicas: Sequence[RelyingParty], others: Sequence[RelyingParty], code: CodeResponse, start: asyncio.Barrier
) -> list[Coroutine[Any, Any, Reply]]:
    """As many as there are hands: another verifier, another redirect URI, another client."""
    other_verifier, other_uri = secrets.token_urlsafe(48), "https://client.example/other"
    wrong = []
    for hand in range(HANDS // 3):
        wrong += [
            at_once(start, replicas[hand % 3], code, code_verifier=other_verifier),
            at_once(start, replicas[(hand + 1) % 3], code, redirect_uri=other_uri),
            at_once(start, others[hand % 3], code),
        ]
    return wrong
