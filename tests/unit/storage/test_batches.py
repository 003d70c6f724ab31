"""Many questions, few exchanges, and to each caller what he asked for."""

import asyncio
from collections.abc import Sequence

import pytest

from valetkey.storage.batches import Batches


class Store:
    """Answers each number with its square, when it is let; odd thousands are refused."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.asked = asyncio.Event()
        self.open = asyncio.Event()
        self.open.set()
        self.failure: Exception | None = None

    async def __call__(self, questions: Sequence[int]) -> list[int | Exception]:
        self.batches.append(list(questions))
        self.asked.set()
        await self.open.wait()
        if self.failure is not None:
            raise self.failure
        return [LookupError(str(number)) if number >= 1000 else number * number for number in questions]


@pytest.fixture
def store() -> Store:
    return Store()


async def ask(batches: Batches[int, int], number: int) -> int:
    return await batches.ask(number)


async def test_callers_of_one_turn_share_a_batch_and_get_their_own_answers(store: Store) -> None:
    batches = Batches(store)

    answers = await asyncio.gather(*(ask(batches, number) for number in range(100)))

    assert answers == [number * number for number in range(100)]
    assert store.batches == [list(range(100))]


async def test_a_batch_holds_so_many_and_one_is_out_at_a_time(store: Store) -> None:
    batches = Batches(store, most=3)
    store.open.clear()

    asking = [asyncio.create_task(ask(batches, number)) for number in range(8)]
    for _ in range(10):
        await asyncio.sleep(0)
    out = [*store.batches]
    store.open.set()
    answers = await asyncio.gather(*asking)

    assert out == [[0, 1, 2]]
    assert store.batches == [[0, 1, 2], [3, 4, 5], [6, 7]]
    assert answers == [number * number for number in range(8)]


async def test_one_question_that_fails_fails_alone(store: Store) -> None:
    batches = Batches(store)

    answers = await asyncio.gather(*(ask(batches, number) for number in (1, 1000, 2)), return_exceptions=True)

    assert answers[::2] == [1, 4]
    assert isinstance(answers[1], LookupError)


async def test_a_batch_that_fails_fails_for_its_own_callers_only(store: Store) -> None:
    batches = Batches(store)
    store.failure = ConnectionError("gone")

    failures = await asyncio.gather(*(ask(batches, number) for number in range(3)), return_exceptions=True)
    store.failure = None
    after = await ask(batches, 5)

    assert [str(failure) for failure in failures] == ["gone"] * 3
    assert len(set(map(id, failures))) == 3
    assert after == 25


async def test_a_store_that_is_closed_cancels_its_callers_and_is_asked_for_the_others(store: Store) -> None:
    async def closed_at_first(questions: Sequence[int]) -> list[int | Exception]:
        if not store.asked.is_set():
            store.asked.set()
            raise asyncio.CancelledError
        return await store(questions)

    batches = Batches(closed_at_first, most=1)
    answers = await asyncio.gather(*(ask(batches, number) for number in range(3)), return_exceptions=True)

    assert isinstance(answers[0], asyncio.CancelledError)
    assert answers[1:] == [1, 4]


async def test_a_store_that_answers_too_few_answers_no_caller(store: Store) -> None:
    async def too_few(questions: Sequence[int]) -> list[int | Exception]:
        return (await store(questions))[:-1]

    answers = await asyncio.gather(*(ask(Batches(too_few), number) for number in range(2)), return_exceptions=True)

    assert [type(answer) for answer in answers] == [ValueError] * 2


@pytest.mark.requirement("security 53: a client that hangs up disturbs no other client")
async def test_who_hangs_up_before_his_question_is_sent_is_not_asked_for(store: Store) -> None:
    batches = Batches(store)
    asking = [asyncio.create_task(ask(batches, number)) for number in range(4)]
    await asyncio.sleep(0)

    asking[1].cancel()
    answers = await asyncio.gather(*asking, return_exceptions=True)

    assert store.batches == [[0, 2, 3]]
    assert [answers[place] for place in (0, 2, 3)] == [0, 4, 9]
    assert isinstance(answers[1], asyncio.CancelledError)


@pytest.mark.requirement("security 53: a client that hangs up disturbs no other client")
async def test_a_caller_cancelled_afterwards_shifts_no_answer(store: Store) -> None:
    batches = Batches(store)
    store.open.clear()
    asking = [asyncio.create_task(ask(batches, number)) for number in range(4)]
    await store.asked.wait()

    asking[0].cancel()
    store.open.set()
    answers = await asyncio.gather(*asking, return_exceptions=True)

    assert answers[1:] == [1, 4, 9]


async def test_no_caller_waits_for_ever_when_it_is_closed(store: Store) -> None:
    batches = Batches(store, most=1)
    store.open.clear()
    asking = [asyncio.create_task(ask(batches, number)) for number in range(3)]
    await store.asked.wait()
    late = batches.ask(7)

    await batches.aclose()

    endings = await asyncio.gather(*asking, return_exceptions=True)
    assert all(isinstance(ending, asyncio.CancelledError) for ending in endings)
    assert late.cancelled()
