import asyncio
import time

from valetkey.runtime.lifecycle.event_loop import LagWatch


async def test_a_loop_that_is_kept_busy_comes_back_late() -> None:
    lags: list[float] = []
    watch = LagWatch(0.01, lags.append)

    await asyncio.sleep(0)
    time.sleep(0.1)  # noqa: ASYNC251 - what must not happen is what is measured
    await asyncio.sleep(0.05)
    watch.close()

    assert len(lags) >= 2
    assert 0.08 < sum(lags) < 5


async def test_after_closing_nothing_is_measured() -> None:
    lags: list[float] = []
    watch = LagWatch(0.001, lags.append)
    watch.close()

    await asyncio.sleep(0.02)

    assert lags == []
