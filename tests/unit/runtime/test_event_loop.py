import asyncio
import time

import pytest
from prometheus_client import CollectorRegistry

from valetkey.runtime import event_loop
from valetkey.runtime.event_loop import LagWatch
from valetkey.runtime.metric import Duration


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> CollectorRegistry:
    """Holds what these watches measure, and nothing of the services that run in the same process."""
    registry = CollectorRegistry()
    monkeypatch.setattr(event_loop, "EVENT_LOOP_LAG", Duration("lag", "Lag.", registry=registry))
    return registry


def observed(registry: CollectorRegistry, suffix: str) -> float:
    return registry.get_sample_value(f"lag{suffix}") or 0.0


async def test_a_loop_that_is_kept_busy_comes_back_late(registry: CollectorRegistry) -> None:
    watch = LagWatch(interval=0.01)

    await asyncio.sleep(0)
    time.sleep(0.1)  # noqa: ASYNC251 - what must not happen is what is measured
    await asyncio.sleep(0.05)
    watch.close()

    assert observed(registry, "_count") >= 2
    assert 0.08 < observed(registry, "_sum") < 5


async def test_after_closing_nothing_is_measured(registry: CollectorRegistry) -> None:
    watch = LagWatch(interval=0.001)
    watch.close()

    await asyncio.sleep(0.02)

    assert observed(registry, "_count") == 0
