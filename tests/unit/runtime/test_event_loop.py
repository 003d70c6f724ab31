import asyncio
import time

from valetkey.runtime.event_loop import LagWatch
from valetkey.runtime.metric import REGISTRY

NAME = "valetkey_event_loop_lag_seconds"


def observed(suffix: str) -> float:
    return REGISTRY.get_sample_value(f"{NAME}{suffix}") or 0.0


async def test_a_loop_that_is_kept_busy_comes_back_late() -> None:
    before = observed("_count"), observed("_sum")
    watch = LagWatch(interval=0.01)

    await asyncio.sleep(0)
    time.sleep(0.1)  # noqa: ASYNC251 - what must not happen is what is measured
    await asyncio.sleep(0.05)
    watch.close()

    assert observed("_count") - before[0] >= 2
    assert 0.08 < observed("_sum") - before[1] < 5


async def test_after_closing_nothing_is_measured() -> None:
    watch = LagWatch(interval=0.001)
    watch.close()
    before = observed("_count")

    await asyncio.sleep(0.02)

    assert observed("_count") == before
