"""How ``RevocationStore`` ends. What it promises is in ``tests/contract/test_revocations.py``, over real stores."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import cast

import pytest

from support.fake_revocations import FakeRevocations
from support.revocation_store import new_target, revocation
from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.core.oauth.revocation import Revocation
from valetkey.runtime.lifecycle.clock import system_clock
from valetkey.storage.redis.kept.revocations import RedisRevocations
from valetkey.storage.revocation import RevocationStore


class RedisThatLosesCancellations:
    """Away, and as redis-py on Python 3.11: a cancellation that meets it while it sends is lost."""

    def __init__(self) -> None:
        self.is_sending = asyncio.Event()

    async def write(self, revocations: Sequence[Revocation]) -> None:
        raise TemporarilyUnavailable(f"{len(revocations)} not written")

    async def distrust(self) -> None:
        if self.is_being_kept_at():
            self.is_sending.set()
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(60)
        raise TemporarilyUnavailable("away")

    async def aclose(self) -> None:
        pass

    def is_being_kept_at(self) -> bool:
        task = asyncio.current_task()
        return task is not None and task.get_name() == "revocations-distrust"


async def test_a_store_ends_though_its_driver_lost_the_cancellation() -> None:
    redis = RedisThatLosesCancellations()
    store = RevocationStore(
        FakeRevocations(), cast("RedisRevocations", redis), clock=system_clock, pause=timedelta(milliseconds=1)
    )
    with pytest.raises(TemporarilyUnavailable):
        await store.revoke([revocation(new_target())])
    await redis.is_sending.wait()

    async with asyncio.timeout(5):
        await store.aclose()
