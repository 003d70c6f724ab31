"""Values kept in memory: fresh, stale, told of changes, bounded."""

import asyncio
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta

import pytest

from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.storage.postgres.caches.read_through import ReadThrough

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
LIFETIME, STALE = timedelta(seconds=60), timedelta(seconds=600)
SECOND = timedelta(seconds=1)


class Source:
    """Something to load from, which can be away, slow, and a clock."""

    def __init__(self) -> None:
        self.now = NOW
        self.values: dict[str, int] = {"a": 1, "b": 1, "c": 1}
        self.loads: list[str] = []
        self.is_away = False
        self.gate: asyncio.Event | None = None

    async def load(self, key: str) -> int | None:
        self.loads.append(key)
        value, is_away = self.values.get(key), self.is_away
        if self.gate is not None:
            await self.gate.wait()
        if is_away:
            raise TemporarilyUnavailable("away")
        return value

    def cache(self, size: int = 10) -> ReadThrough[str, int]:
        return ReadThrough(self.load, size=size, lifetime=LIFETIME, stale_lifetime=STALE, clock=lambda: self.now)


@pytest.fixture
def source() -> Source:
    return Source()


async def started(work: Awaitable[int | None]) -> asyncio.Task[int | None]:
    task = asyncio.ensure_future(work)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return task


async def test_a_fresh_value_is_not_loaded_again(source: Source) -> None:
    cache = source.cache()
    await cache.get("a")
    source.values["a"] = 2
    source.now += LIFETIME - SECOND

    found = await cache.get("a")

    assert found == 1
    assert source.loads == ["a"]


async def test_after_its_lifetime_a_value_is_loaded_again(source: Source) -> None:
    cache = source.cache()
    await cache.get("a")
    source.values["a"] = 2
    source.now += LIFETIME

    found = await cache.get("a")

    assert found == 2


@pytest.mark.requirement("security 52: caches are bounded whatever a caller sends")
async def test_what_does_not_exist_is_not_kept(source: Source) -> None:
    cache = source.cache()

    found = [await cache.get("unknown"), await cache.get("unknown")]

    assert found == [None, None]
    assert source.loads == ["unknown", "unknown"]


@pytest.mark.requirement("security 52: caches are bounded whatever a caller sends")
async def test_the_least_recently_used_makes_room(source: Source) -> None:
    cache = source.cache(size=2)
    for key in ("a", "b", "a", "c"):
        await cache.get(key)
    source.loads.clear()

    for key in ("c", "a", "b"):
        await cache.get(key)

    assert source.loads == ["b"]


async def test_a_cache_without_room_keeps_nothing(source: Source) -> None:
    cache = source.cache(size=0)

    found = [await cache.get("a"), await cache.get("a")]

    assert found == [1, 1]
    assert source.loads == ["a", "a"]


async def test_however_many_ask_it_is_loaded_once(source: Source) -> None:
    cache = source.cache()

    found = await asyncio.gather(*(cache.get("a") for _ in range(100)))

    assert found == [1] * 100
    assert source.loads == ["a"]


async def test_who_hangs_up_takes_nothing_from_the_others(source: Source) -> None:
    cache = source.cache()
    source.gate = asyncio.Event()
    first, second = await started(cache.get("a")), await started(cache.get("a"))

    first.cancel()
    source.gate.set()

    assert await second == 1
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_what_was_forgotten_is_loaded_again(source: Source) -> None:
    cache = source.cache()
    await cache.get("a")
    source.values["a"] = 2

    cache.forget("a")

    assert await cache.get("a") == 2


async def test_what_changed_while_it_was_loaded_is_not_kept(source: Source) -> None:
    cache = source.cache()
    source.gate = asyncio.Event()
    loading = await started(cache.get("a"))
    source.values["a"] = 2

    cache.forget("a")
    source.gate.set()

    assert await loading == 1
    assert await cache.get("a") == 2


@pytest.mark.parametrize("is_loading", [True, False])
async def test_where_news_may_have_been_missed_everything_is_loaded_again(source: Source, is_loading: bool) -> None:
    cache = source.cache()
    source.gate = asyncio.Event()
    loading = await started(cache.get("a"))
    if not is_loading:
        source.gate.set()
        await loading
    source.values["a"] = 2

    cache.expire()
    source.gate.set()

    assert await loading == 1
    assert await cache.get("a") == 2


async def test_what_was_loaded_while_news_may_have_been_missed_serves_while_loading_fails(source: Source) -> None:
    cache = source.cache()
    source.gate = asyncio.Event()
    loading = await started(cache.get("a"))
    cache.expire()
    source.gate.set()
    await loading

    source.is_away = True

    assert await cache.get("a") == 1


async def test_what_was_loaded_before_does_not_replace_what_was_loaded_after(source: Source) -> None:
    cache = source.cache()
    source.gate = first = asyncio.Event()
    loading = await started(cache.get("a"))
    cache.expire()
    source.gate, source.values["a"] = None, 2
    await cache.get("a")

    first.set()

    assert await loading == 1
    assert await cache.get("a") == 2


@pytest.mark.requirement("architecture 4: stale-while-error, bounded minutes")
async def test_while_loading_fails_an_old_value_serves(source: Source) -> None:
    cache = source.cache()
    await cache.get("a")
    source.is_away, source.now = True, NOW + STALE - SECOND

    found = [await cache.get("a"), await cache.get("a")]

    assert found == [1, 1]


@pytest.mark.requirement("security 55: fail closed, bounded")
async def test_a_value_that_is_too_old_does_not_serve(source: Source) -> None:
    cache = source.cache()
    await cache.get("a")
    source.is_away, source.now = True, NOW + STALE

    with pytest.raises(TemporarilyUnavailable):
        await cache.get("a")


async def test_what_was_never_known_cannot_serve(source: Source) -> None:
    cache = source.cache()
    source.is_away = True

    with pytest.raises(TemporarilyUnavailable):
        await cache.get("a")


@pytest.mark.requirement("security 55: never a client that is known to have changed")
async def test_what_has_changed_does_not_serve_while_loading_fails(source: Source) -> None:
    cache = source.cache()
    await cache.get("a")
    source.is_away = True

    cache.forget("a")

    with pytest.raises(TemporarilyUnavailable):
        await cache.get("a")


async def test_what_changes_while_loading_fails_does_not_serve(source: Source) -> None:
    cache = source.cache()
    await cache.get("a")
    source.now, source.is_away, source.gate = NOW + LIFETIME, True, asyncio.Event()
    loading = await started(cache.get("a"))

    cache.forget("a")
    source.gate.set()

    with pytest.raises(TemporarilyUnavailable):
        await loading


async def test_missed_news_do_not_spoil_what_serves_while_loading_fails(source: Source) -> None:
    cache = source.cache()
    await cache.get("a")
    source.is_away = True

    cache.expire()

    assert await cache.get("a") == 1


async def test_once_loading_is_known_to_fail_no_caller_waits_for_it(source: Source) -> None:
    cache = source.cache()
    await cache.get("a")
    await cache.get("b")
    source.now, source.is_away = NOW + LIFETIME, True
    await cache.get("a")
    source.gate = asyncio.Event()

    async with asyncio.timeout(1):
        found = [await cache.get("a"), await cache.get("b"), await cache.get("a")]

    assert found == [1, 1, 1]
    source.gate.set()


async def test_when_loading_works_again_values_are_fresh_again(source: Source) -> None:
    cache = source.cache()
    await cache.get("a")
    source.now, source.is_away = NOW + LIFETIME, True
    await cache.get("a")
    source.values["a"], source.is_away = 2, False

    stale = await cache.get("a")
    await asyncio.sleep(0)
    fresh = await cache.get("a")

    assert (stale, fresh) == (1, 2)


async def test_a_failure_that_no_caller_awaits_is_not_reported(source: Source) -> None:
    cache, reports = source.cache(), list[object]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reports.append(context))
    source.is_away, source.gate = True, asyncio.Event()
    waiting = await started(cache.get("a"))

    waiting.cancel()
    source.gate.set()
    for _ in range(5):
        await asyncio.sleep(0)

    assert reports == []
