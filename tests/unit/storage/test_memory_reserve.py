"""Interactions, codes and counts stop short of the reserve of Redis, as far as Redis tells how full it is."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from redis import exceptions

from support.eventually import eventually
from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.storage.redis.limits import memory_reserve
from valetkey.storage.redis.limits.memory_reserve import RETRY_AFTER, Kind, MemoryReserve, StoreIsFull

MIB = 1 << 20
FULL = 100 * MIB
pytestmark = pytest.mark.requirement("security 55c: revocations have room of their own")


class ToldRedis:
    """A Redis that says what a test wants."""

    def __init__(self, used: int, **changes: Any) -> None:  # noqa: ANN401 - whatever INFO holds
        self.memory: dict[str, Any] = {
            "used_memory": used,
            "mem_not_counted_for_evict": 0,
            "maxmemory": FULL,
            "maxmemory_policy": "noeviction",
            **changes,
        }
        self.error: Exception | None = None
        self.asked = 0

    async def info(self, section: str) -> dict[str, Any]:
        assert section == "memory"
        self.asked += 1
        if self.error is not None:
            raise self.error
        return self.memory


async def reserve_of(redis: ToldRedis, share: float = 0.2) -> MemoryReserve:
    reserve = MemoryReserve(redis, share)  # type: ignore[arg-type]
    await reserve.start()
    await reserve.close()
    return reserve


def refused(reserve: MemoryReserve, size: int = 1000) -> set[Kind]:
    found = set()
    for kind in Kind:
        try:
            reserve.require_room(kind, size)
        except StoreIsFull as error:
            assert error.retry_after == RETRY_AFTER  # noqa: PT017 - which kinds are refused is what is looked for
            found.add(kind)
    return found


@pytest.mark.parametrize(
    ("used", "expected"),
    [
        (0, set()),
        (69 * MIB, set()),
        (70 * MIB, {Kind.INTERACTION}),
        (79 * MIB, {Kind.INTERACTION}),
        (80 * MIB, set(Kind)),
        (FULL, set(Kind)),
        (2 * FULL, set(Kind)),
    ],
)
async def test_who_begins_is_refused_first_and_who_is_in_the_middle_later(used: int, expected: set[Kind]) -> None:
    assert refused(await reserve_of(ToldRedis(used))) == expected


@pytest.mark.parametrize(
    "redis",
    [
        ToldRedis(2 * FULL, maxmemory=0),
        ToldRedis(FULL, maxmemory_policy="allkeys-lru"),
        ToldRedis(FULL, maxmemory_policy="volatile-ttl"),
    ],
    ids=["no limit", "evicts", "evicts what expires"],
)
async def test_nothing_is_refused_where_there_is_no_limit_or_keys_are_dropped(redis: ToldRedis) -> None:
    assert refused(await reserve_of(redis)) == set()


async def test_nothing_is_refused_without_a_reserve() -> None:
    assert refused(await reserve_of(ToldRedis(FULL), share=0)) == set()


async def test_buffers_that_redis_does_not_count_are_not_counted() -> None:
    assert refused(await reserve_of(ToldRedis(85 * MIB, mem_not_counted_for_evict=30 * MIB))) == set()


@pytest.mark.parametrize(
    "error", [exceptions.ConnectionError("away"), exceptions.NoPermissionError("no INFO")], ids=["away", "not allowed"]
)
async def test_nothing_is_refused_while_nothing_is_known(error: Exception) -> None:
    redis = ToldRedis(FULL)
    redis.error = error

    assert refused(await reserve_of(redis)) == set()


async def test_what_was_known_last_counts_while_redis_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_reserve, "INTERVAL_SECONDS", 0.01)
    redis = ToldRedis(FULL)
    reserve = MemoryReserve(redis, 0.2)  # type: ignore[arg-type]
    await reserve.start()
    redis.error, asked = exceptions.TimeoutError("away"), redis.asked

    async def was_asked() -> bool:
        return redis.asked > asked + 2

    await eventually(was_asked)

    assert refused(reserve) == set(Kind)
    await reserve.close()


async def test_it_is_over_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_reserve, "INTERVAL_SECONDS", 0.01)
    redis = ToldRedis(FULL)
    reserve = MemoryReserve(redis, 0.2)  # type: ignore[arg-type]
    await reserve.start()
    before = refused(reserve)
    redis.memory["used_memory"] = 10 * MIB

    async def is_over() -> bool:
        return not refused(reserve)

    await eventually(is_over)

    assert before == set(Kind)
    await reserve.close()


async def test_what_is_written_between_two_looks_is_counted() -> None:
    reserve = await reserve_of(ToldRedis(60 * MIB))

    accepted = 0
    while not refused(reserve, 2 << 10):
        accepted += 1

    # One of each kind.
    assert 9 * MIB < accepted * len(Kind) * (2 << 10) < 10 * MIB + (6 << 10)
    assert refused(reserve, 6 << 10) == {Kind.INTERACTION}


async def test_a_replica_that_writes_fast_looks_before_sixteen_like_it_could_overrun_the_reserve(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(memory_reserve, "INTERVAL_SECONDS", 3600)
    redis = ToldRedis(0)
    reserves = [MemoryReserve(redis, 0.2) for _ in range(16)]  # type: ignore[arg-type]
    for reserve in reserves:
        await reserve.start()

    most = 0
    for _ in range(400):
        for reserve in reserves:
            try:
                for _ in range(10):
                    reserve.require_room(Kind.INTERACTION, 6 << 10)
                    redis.memory["used_memory"] += 6 << 10
            except StoreIsFull:
                continue
        most = max(most, redis.memory["used_memory"])
        await asyncio.sleep(0)

    assert 69 * MIB < most <= 72 * MIB
    for reserve in reserves:
        await reserve.close()


async def test_a_write_refused_for_the_reserve_is_temporarily_unavailable() -> None:
    reserve = await reserve_of(ToldRedis(FULL))

    with pytest.raises(TemporarilyUnavailable, match="only its reserve left"):
        reserve.require_room(Kind.CODE, 1)
