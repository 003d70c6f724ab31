"""A worker's own side: it answers its supervisor, and joins the port when it can do what is asked there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

from valetkey.runtime.workers.channel import answer
from valetkey.runtime.workers.lifeline import hold
from valetkey.runtime.workers.merged_metrics import own_metrics
from valetkey.runtime.workers.place import Place

if TYPE_CHECKING:
    from valetkey.runtime.http.health import Health
    from valetkey.runtime.lifecycle.readiness import ReadinessChecks

T = TypeVar("T")

_LOOK_SECONDS = 0.1
_MARGIN_SECONDS = 5.0


def state_of(health: Health) -> str:
    """Where it is, in words, and what it lacks while it starts."""
    reason = health.waiting.reason if not health.started else ""
    return f"{health.state}: {reason}" if reason else health.state


@asynccontextmanager
async def answering(place: Place, health: Health, grace: float) -> AsyncIterator[None]:
    """Tell whoever supervises how it is and what it counts; when nobody does, end within ``grace`` seconds."""
    channel = place.open_channel()
    hold(channel, grace + _MARGIN_SECONDS)
    answers = {"state": lambda: state_of(health).encode(), "metrics": own_metrics}
    task = asyncio.create_task(answer(channel, answers))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def unless(told: asyncio.Event, work: Coroutine[None, None, T]) -> T | None:
    """What the work yields; None where the event came first, upon which the work is cancelled."""
    working, waiting = asyncio.ensure_future(work), asyncio.ensure_future(told.wait())
    try:
        await asyncio.wait([working, waiting], return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        for task in (working, waiting):
            task.cancel()
        await asyncio.wait([working, waiting])


async def until_able(waiting: ReadinessChecks) -> None:
    """Wait until nothing is missing."""
    while waiting.reason:  # noqa: ASYNC110 - there is no event to wait for
        await asyncio.sleep(_LOOK_SECONDS)
