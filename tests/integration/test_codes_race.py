"""One code, many hands: several clients of one Redis that all want it in the same moment."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from redis.asyncio import Redis

from support.sealing import redis_codes
from support.tier import rounds
from support.wire_values import CODE
from valetkey.core.oauth.authorization_code import CodeBinding, RedemptionOutcome, generate_code
from valetkey.storage.redis.client.connection import connect
from valetkey.storage.redis.kept.codes import RedisCodes

ROUNDS = rounds(60, nightly=200)
HANDS = 8
HOLDER = CodeBinding(CODE.client_uid, CODE.code_challenge, CODE.redirect_uri)
WRONG = CodeBinding(CODE.authorization_id, CODE.code_challenge, CODE.redirect_uri)


@pytest.fixture
async def clients(redis_url: str) -> AsyncIterator[list[Redis]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(connect(redis_url)) for _ in range(4)]


@pytest.fixture
def replicas(clients: list[Redis]) -> list[RedisCodes]:
    return [redis_codes(client) for client in clients]


@pytest.mark.requirement("security 15: one success per code under any number of parallel redemptions on any replicas")
async def test_exactly_one_of_many_parallel_redemptions_takes_the_code(replicas: list[RedisCodes]) -> None:
    rounds = Counter[tuple[int, int]]()

    for _ in range(ROUNDS):
        value, start = generate_code(), asyncio.Barrier(HANDS)
        await replicas[0].put(value, CODE)
        outcomes = await asyncio.gather(*(at_once(start, replicas[hand % 4], value) for hand in range(HANDS)))
        taken, replayed = (outcomes.count(each) for each in (RedemptionOutcome.TAKEN, RedemptionOutcome.REPLAYED))
        rounds[taken, replayed] += 1

    assert rounds == {(1, HANDS - 1): ROUNDS}


@pytest.mark.requirement("security 15: an invalid replay is no denial of service")
async def test_concurrent_wrong_bindings_do_not_keep_the_holder_from_the_code(replicas: list[RedisCodes]) -> None:
    rounds = Counter[tuple[RedemptionOutcome, int]]()

    for _ in range(ROUNDS):
        value = generate_code()
        await replicas[0].put(value, CODE)
        wrong = [replicas[hand % 4].consume(value, WRONG) for hand in range(HANDS - 1)]
        redemptions = await asyncio.gather(*wrong[:4], replicas[0].consume(value, HOLDER), *wrong[4:])
        outcomes = [redemption.outcome for redemption in redemptions]
        rounds[outcomes[4], outcomes.count(RedemptionOutcome.MISMATCHED)] += 1

    assert rounds == {(RedemptionOutcome.TAKEN, HANDS - 1): ROUNDS}


async def test_a_code_given_back_in_the_middle_of_a_race_is_taken_once_more_at_most(replicas: list[RedisCodes]) -> None:
    taken = Counter[int]()

    for _ in range(ROUNDS):
        value = generate_code()
        await replicas[0].put(value, CODE)
        assert (await replicas[0].consume(value, HOLDER)).outcome is RedemptionOutcome.TAKEN
        start = asyncio.Barrier(HANDS)
        giving_back = asyncio.create_task(replicas[1].release(value))
        outcomes = await asyncio.gather(*(at_once(start, replicas[hand % 4], value) for hand in range(HANDS)))
        await giving_back
        taken[outcomes.count(RedemptionOutcome.TAKEN)] += 1

    assert set(taken) <= {0, 1}


@pytest.mark.requirement("security 53: a redemption that is cancelled half-way takes the code once or not at all")
async def test_redemptions_that_are_cancelled_do_not_make_a_second_success(replicas: list[RedisCodes]) -> None:
    taken = Counter[int]()

    for turns in range(ROUNDS):
        value = generate_code()
        await replicas[0].put(value, CODE)
        hands = [asyncio.create_task(replicas[hand % 4].consume(value, HOLDER)) for hand in range(HANDS)]
        for _ in range(turns % 12):
            await asyncio.sleep(0)
        for hand in hands[1::2]:
            hand.cancel()
        finished = await asyncio.gather(*hands, return_exceptions=True)
        outcomes = [hand.outcome for hand in finished if not isinstance(hand, BaseException)]
        assert set(outcomes) <= {RedemptionOutcome.TAKEN, RedemptionOutcome.REPLAYED}
        taken[outcomes.count(RedemptionOutcome.TAKEN)] += 1

    assert set(taken) <= {0, 1}
    assert taken[1] > ROUNDS / 4


async def at_once(start: asyncio.Barrier, replica: RedisCodes, value: str) -> RedemptionOutcome:
    await start.wait()
    return (await replica.consume(value, HOLDER)).outcome
