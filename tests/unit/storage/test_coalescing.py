"""Many callers, one question at a time."""

import asyncio
from collections.abc import Sequence

import pytest

from valetkey.storage.coalescing import Coalescer


class Store:
    """Answers with the keys it was asked for, when it is let."""

    def __init__(self) -> None:
        self.questions: list[Sequence[str]] = []
        self.asked = asyncio.Event()
        self.open = asyncio.Event()
        self.open.set()
        self.failure: Exception | None = None

    async def __call__(self, keys: Sequence[str]) -> frozenset[str]:
        self.questions.append(keys)
        self.asked.set()
        await self.open.wait()
        if self.failure is not None:
            raise self.failure
        return frozenset(keys)


@pytest.fixture
def store() -> Store:
    return Store()


async def test_callers_of_the_same_turn_share_one_query(store: Store) -> None:
    coalescer = Coalescer(store)

    answers = await asyncio.gather(*(coalescer.ask([f"key {number}", "common"]) for number in range(100)))

    assert len(store.questions) == 1
    assert len(store.questions[0]) == 101
    assert all({f"key {number}", "common"} <= answer for number, answer in enumerate(answers))


async def test_callers_during_a_query_share_the_next_one(store: Store) -> None:
    coalescer = Coalescer(store)
    store.open.clear()
    first = asyncio.create_task(coalescer.ask(["first"]))
    await store.asked.wait()

    later = [asyncio.create_task(coalescer.ask([f"later {number}"])) for number in range(3)]
    await asyncio.sleep(0)
    store.open.set()
    await asyncio.gather(first, *later)

    assert store.questions == [["first"], ["later 0", "later 1", "later 2"]]


@pytest.mark.requirement("security 22: an answer is never older than the request it decides")
async def test_no_caller_gets_an_answer_to_a_query_sent_before_the_call(store: Store) -> None:
    coalescer = Coalescer(store)
    store.open.clear()
    early = asyncio.create_task(coalescer.ask(["same"]))
    await store.asked.wait()

    late = asyncio.create_task(coalescer.ask(["same"]))
    await asyncio.sleep(0)
    store.open.set()
    await asyncio.gather(early, late)

    assert store.questions == [["same"], ["same"]]


@pytest.mark.requirement("security 53: a client that hangs up disturbs no other client")
async def test_a_caller_that_is_cancelled_leaves_the_others_waiting(store: Store) -> None:
    coalescer = Coalescer(store)
    store.open.clear()
    callers = [asyncio.create_task(coalescer.ask([f"key {number}"])) for number in range(10)]
    await store.asked.wait()

    for caller in callers[::2]:
        caller.cancel()
    await asyncio.sleep(0)
    store.open.set()
    answers = await asyncio.gather(*callers, return_exceptions=True)

    assert len(store.questions) == 1
    assert all(isinstance(answer, asyncio.CancelledError) for answer in answers[::2])
    assert all(isinstance(answer, frozenset) and len(answer) == 10 for answer in answers[1::2])


async def test_when_all_callers_are_cancelled_the_next_one_is_answered(store: Store) -> None:
    coalescer = Coalescer(store)
    store.open.clear()
    callers = [asyncio.create_task(coalescer.ask(["gone"])) for _ in range(3)]
    await store.asked.wait()
    for caller in callers:
        caller.cancel()
    await asyncio.gather(*callers, return_exceptions=True)
    store.open.set()

    answer = await coalescer.ask(["here"])

    assert answer == {"here"}


async def test_a_failure_reaches_its_callers_and_no_later_one(store: Store) -> None:
    coalescer = Coalescer(store)
    store.failure = ConnectionError("away")
    failed = await asyncio.gather(*(coalescer.ask(["key"]) for _ in range(3)), return_exceptions=True)
    store.failure = None

    answer = await coalescer.ask(["key"])

    assert [type(failure) for failure in failed] == [ConnectionError] * 3
    assert answer == {"key"}


async def test_closing_stops_what_is_under_way(store: Store) -> None:
    coalescer = Coalescer(store)
    store.open.clear()
    caller = asyncio.create_task(coalescer.ask(["key"]))
    await store.asked.wait()

    await coalescer.aclose()

    with pytest.raises(asyncio.CancelledError):
        await caller
