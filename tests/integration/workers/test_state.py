"""What a supervisor makes of a worker that gives no answer: it hangs, or it is no more."""

import asyncio
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from valetkey.runtime.workers import worker as module
from valetkey.runtime.workers.channel import Asker
from valetkey.runtime.workers.post import Post
from valetkey.runtime.workers.worker import ENDED, READY, SILENT, Worker

ANSWERS = """
import asyncio, socket, sys
from valetkey.runtime.workers.channel import answer
asyncio.run(answer(socket.socket(fileno=int(sys.argv[1])), {"state": lambda: b"ready"}))
"""
# Takes one question, and hangs up on it without an end.
HANGS_UP = """
import socket, sys, time
channel = socket.socket(fileno=int(sys.argv[1]))
channel.recv(100)
channel.sendall((5).to_bytes(4) + b"ready")
channel.recv(100)
channel.close()
time.sleep(600)
"""


@asynccontextmanager
async def working(program: str) -> AsyncIterator[tuple[Worker, asyncio.subprocess.Process]]:
    ours, theirs = socket.socketpair()
    with theirs:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", program, str(theirs.fileno())), pass_fds=[theirs.fileno()]
        )
    worker = Worker(0, process, await Asker.over(ours))
    try:
        yield worker, process
    finally:
        worker.tell(signal.SIGKILL)
        await worker.ended()
        await worker.close()


@pytest.mark.parametrize("_again", range(5))
async def test_a_worker_that_was_killed_has_ended_from_the_first_moment_on(_again: int) -> None:
    async with working(ANSWERS) as (worker, process):
        post = Post(worker)
        before = [await worker.state(), await post.fault()]

        process.send_signal(signal.SIGKILL)
        after = [await worker.state(), await post.fault()]

    assert before == [READY, ""]
    assert after == [ENDED, ""]


async def test_a_worker_that_hangs_up_and_goes_on_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    async with working(HANGS_UP) as (worker, _):
        first = await worker.state()
        monkeypatch.setattr(module, "ANSWER_SECONDS", 0.2)
        second = await worker.state()

    assert (first, second) == (READY, SILENT)
