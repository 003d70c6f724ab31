"""When a published document is asked for again, and what serves meanwhile."""

import asyncio
from datetime import timedelta

import pytest

from support.rfc9068 import ManualClock
from valetkey.resource_server import CachePolicy, IssuerUnavailable
from valetkey.resource_server.cached_document import CachedDocument, Document

POLICY = CachePolicy(refetch_interval=timedelta(seconds=10), stale_if_error=timedelta(minutes=10))
URL = "https://login.example/jwks"


class Origin:
    """Publishes a number that grows with every request, unless it is down."""

    def __init__(self) -> None:
        self.requests = 0
        self.down = False
        self.gate = asyncio.Event()
        self.gate.set()

    async def fetch(self, _: Document[str] | None) -> Document[str]:
        self.requests += 1
        await self.gate.wait()
        if self.down:
            raise IssuerUnavailable("down")
        return Document(f"version {self.requests}", URL, None, timedelta(seconds=60))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def origin() -> Origin:
    return Origin()


@pytest.fixture
def cached(origin: Origin, clock: ManualClock) -> CachedDocument[str]:
    return CachedDocument(origin.fetch, policy=POLICY, clock=clock)


@pytest.mark.requirement("RFC 9111 §4.2: a fresh answer is reused, a stale one is not")
@pytest.mark.parametrize(("seconds", "requests"), [(0, 1), (59, 1), (60, 2), (61, 2)])
async def test_a_document_is_asked_for_again_when_its_age_is_over(
    cached: CachedDocument[str], origin: Origin, clock: ManualClock, seconds: float, requests: int
) -> None:
    await cached.get()
    clock.advance(seconds)

    await cached.get()

    assert origin.requests == requests


async def test_a_clock_that_was_set_back_does_not_prolong_a_document(
    cached: CachedDocument[str], origin: Origin, clock: ManualClock
) -> None:
    await cached.get()
    clock.advance(-3600)

    await cached.get()

    assert origin.requests == 2


@pytest.mark.requirement("RFC 5861 §4: stale on error, for a bounded time")
@pytest.mark.parametrize(("minutes", "serves"), [(2, True), (10.9, True), (11, False), (120, False)])
async def test_a_stale_document_serves_for_a_bounded_time_while_the_origin_is_down(
    cached: CachedDocument[str], origin: Origin, clock: ManualClock, minutes: float, *, serves: bool
) -> None:
    await cached.get()
    origin.down = True
    clock.advance(minutes * 60)

    if serves:
        assert await cached.get() == "version 1"
    else:
        with pytest.raises(IssuerUnavailable):
            await cached.get()


@pytest.mark.requirement("security 55: dependencies away fail closed")
async def test_nothing_serves_when_nothing_was_ever_fetched(cached: CachedDocument[str], origin: Origin) -> None:
    origin.down = True

    with pytest.raises(IssuerUnavailable):
        await cached.get()


async def test_an_origin_that_is_down_is_not_asked_at_every_call(
    cached: CachedDocument[str], origin: Origin, clock: ManualClock
) -> None:
    origin.down = True
    for _ in range(20):
        with pytest.raises(IssuerUnavailable):
            await cached.get()
    requests_while_down = origin.requests
    origin.down = False
    clock.advance(10)

    assert await cached.get() == "version 2"
    assert requests_while_down == 1


async def test_many_callers_share_one_request(cached: CachedDocument[str], origin: Origin) -> None:
    origin.gate.clear()
    callers = [asyncio.create_task(cached.get()) for _ in range(100)]
    await asyncio.sleep(0)
    origin.gate.set()

    answers = await asyncio.gather(*callers)

    assert set(answers) == {"version 1"}
    assert origin.requests == 1


@pytest.mark.requirement("security 53: a caller that hangs up takes nothing from the others")
async def test_the_first_caller_may_hang_up_without_taking_the_answer_from_the_second(
    cached: CachedDocument[str], origin: Origin
) -> None:
    origin.gate.clear()
    first, second = asyncio.create_task(cached.get()), asyncio.create_task(cached.get())
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait([first])
    origin.gate.set()

    assert await second == "version 1"
    assert first.cancelled()
    assert origin.requests == 1


async def test_a_failure_that_no_caller_awaits_any_more_is_not_reported_as_lost(
    cached: CachedDocument[str], origin: Origin
) -> None:
    lost: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: lost.append(context))
    origin.gate.clear()
    origin.down = True
    caller = asyncio.create_task(cached.get())
    await asyncio.sleep(0)
    caller.cancel()
    await asyncio.wait([caller])
    origin.gate.set()
    await asyncio.sleep(0.01)

    assert lost == []


async def test_asking_for_a_newer_document_is_bounded_in_time(
    cached: CachedDocument[str], origin: Origin, clock: ManualClock
) -> None:
    seen = await cached.get()
    for _ in range(50):
        seen = await cached.refetch(seen)
    after_flood = origin.requests
    clock.advance(10)
    newest = await cached.refetch(seen)

    assert after_flood == 2
    assert newest == "version 3"


async def test_a_caller_that_saw_an_older_document_gets_the_newer_one_without_a_request(
    cached: CachedDocument[str], origin: Origin
) -> None:
    first = await cached.get()
    second = await cached.refetch(first)

    assert await cached.refetch(first) == second
    assert origin.requests == 2


async def test_a_newer_document_that_cannot_be_had_is_not_taken_for_unchanged(
    cached: CachedDocument[str], origin: Origin
) -> None:
    seen = await cached.get()
    origin.down = True

    for _ in range(2):
        with pytest.raises(IssuerUnavailable):
            await cached.refetch(seen)
    assert origin.requests == 2


async def test_closing_gives_up_the_request_under_way(cached: CachedDocument[str], origin: Origin) -> None:
    origin.gate.clear()
    caller = asyncio.create_task(cached.get())
    await asyncio.sleep(0)

    await cached.close()

    with pytest.raises(asyncio.CancelledError):
        await caller
