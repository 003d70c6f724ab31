"""Ctrl-C, SIGTERM and a closed terminal, as an event. A second one changes nothing."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

T = TypeVar("T")

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@asynccontextmanager
async def stop_signals() -> AsyncIterator[asyncio.Event]:
    """The event, set by the first signal. Afterwards all of them are ignored: the process is about to end."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    # A process started with nohup is to outlive its terminal.
    handled = [each for each in _SIGNALS if each is not signal.SIGHUP or signal.getsignal(each) is not signal.SIG_IGN]
    for each in handled:
        loop.add_signal_handler(each, stop.set)
    try:
        yield stop
    finally:
        for each in handled:
            loop.remove_signal_handler(each)
            signal.signal(each, signal.SIG_IGN)


async def in_thread(work: Callable[[], T]) -> T:
    """What ``work`` returns from a thread; when cancelled, wait until the thread has ended all the same."""
    task = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        if not task.cancelled():
            task.exception()
        raise
