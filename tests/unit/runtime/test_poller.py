import asyncio
from contextlib import suppress
from datetime import timedelta

from valetkey.runtime.lifecycle.poller import Poller

LONG = timedelta(hours=1)


async def test_it_works_at_the_start_and_again_when_there_is_news() -> None:
    done: asyncio.Queue[str] = asyncio.Queue()
    poller = Poller(lambda: done.put("worked"), LONG, "test")

    await poller.start()
    poller.wake()

    async with asyncio.timeout(5):
        worked = [await done.get(), await done.get()]
    await poller.close()

    assert worked == ["worked", "worked"]
    assert done.empty()


async def test_closing_ends_it_although_the_work_lost_the_cancellation() -> None:
    working = asyncio.Event()
    forever = asyncio.Event()

    async def work() -> None:
        if not poller_started:
            return
        working.set()
        with suppress(asyncio.CancelledError):
            await forever.wait()

    poller_started = False
    poller = Poller(work, LONG, "test")
    await poller.start()
    poller_started = True
    poller.wake()
    await working.wait()

    async with asyncio.timeout(5):
        await poller.close()

    assert asyncio.all_tasks() == {asyncio.current_task()}
