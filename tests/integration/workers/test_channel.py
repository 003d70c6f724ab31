"""A supervisor's way to its worker, and what becomes of the worker when it is cut."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from valetkey.runtime.workers.channel import Asker, answer

HUGE = b"x" * 3_000_000
# Holds the line, and never comes to its event loop again.
HANGS = """
import signal, socket, sys, time
from valetkey.runtime.workers.lifeline import hold
signal.signal(signal.SIGINT, signal.SIG_IGN)
hold(socket.socket(fileno=int(sys.argv[1])), 0.1)
print("holds", flush=True)
while True:
    time.sleep(60)
"""


@asynccontextmanager
async def both_ends(**answers: Callable[[], bytes]) -> AsyncIterator[Asker]:
    ours, theirs = socket.socketpair()
    asker = await Asker.over(ours)
    answering = asyncio.create_task(answer(theirs, answers))
    yield asker
    await asker.close()
    await answering


async def test_questions_that_cross_get_their_own_answers() -> None:
    async with both_ends(small=lambda: b"a", huge=lambda: HUGE) as asker:
        answers = await asyncio.gather(*(asker.ask(each, 5.0) for each in ("huge", "small", "huge", "small")))

    assert answers == [HUGE, b"a", HUGE, b"a"]


async def test_a_question_that_nobody_knows_has_an_empty_answer() -> None:
    async with both_ends() as asker:
        assert await asker.ask("anything", 5.0) == b""


async def test_whoever_hangs_is_asked_once_and_its_late_answer_counts() -> None:
    ours, theirs = socket.socketpair()
    asker = await Asker.over(ours)

    unanswered = [await asker.ask("state", 0.01) for _ in range(3)]
    answering = asyncio.create_task(answer(theirs, {"state": lambda: b"back"}))
    answered = await asker.ask("state", 5.0)
    await asker.close()
    await answering

    assert unanswered == [None] * 3
    assert answered == b"back"


async def test_whoever_is_gone_has_no_answer_and_nobody_waits_for_it() -> None:
    ours, theirs = socket.socketpair()
    asker = await Asker.over(ours)
    asking = asyncio.create_task(asker.ask("state", 60.0))
    await asyncio.sleep(0)

    theirs.close()

    assert await asking is None
    assert await asker.ask("state", 60.0) is None
    await asker.close()


def test_a_process_that_hangs_ends_with_its_supervisor() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-c", HANGS, str(theirs.fileno())], pass_fds=[theirs.fileno()], stdout=subprocess.PIPE
        )
    with process:
        assert process.stdout is not None
        held = process.stdout.readline()
        was_alive = process.poll() is None

        ours.close()

        assert held == b"holds\n"
        assert was_alive
        assert process.wait(30) == 128 + 9
