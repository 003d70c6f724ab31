"""A process that was suspended reports no timeout of Redis: an answer that arrived meanwhile counts."""

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
import uvloop

from valetkey.storage.redis.client.connection import connect

TIMEOUT = timedelta(milliseconds=100)
ROUNDS = 10
# Answers when this process sleeps already.
SLOW = "local n = 0 for i = 1, 200000 do n = n + i end return ARGV[1]"


@pytest.mark.requirement("architecture 3: codes: exactly once, and a refusal for want of a store costs no code")
@pytest.mark.parametrize("loop_factory", [uvloop.new_event_loop, asyncio.new_event_loop], ids=["uvloop", "asyncio"])
def test_an_answer_that_waits_at_the_door_is_not_late(
    redis_url: str, loop_factory: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    async def ask() -> list[object]:
        async with connect(redis_url, timeout=TIMEOUT) as redis:
            await redis.get("connected")
            answers: list[object] = []
            for number in range(ROUNDS):
                question = asyncio.ensure_future(redis.eval(SLOW, 0, str(number)))
                # A few turns until it has been sent; then nothing runs here for longer than an answer may take.
                await asyncio.sleep(0.001)
                time.sleep(3 * TIMEOUT.total_seconds())  # noqa: ASYNC251 - that is what is tested
                answers.append(await question)
            return answers

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        assert runner.run(ask()) == [b"%d" % number for number in range(ROUNDS)]
