"""Wrong passwords without end, from a process of its own, so that a measurement meanwhile measures the services.

``python -m support.login_flood URL CONNECTIONS`` reads the request of one login, base64, and then ``on`` or ``off``,
each in a line. It answers ``on`` once logins have been sent away with 503, which shows that the pool and its queue are
full, and ``off`` once nothing is under way.
"""

from __future__ import annotations

import asyncio
import base64
import os
import sys
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Self

from support.raw_connection import RawConnection
from support.repository import ROOT

PAUSE_SECONDS = 0.25
SHED = 503


class LoginFlood:
    """The process, as a test sees it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    @asynccontextmanager
    async def from_process(
        cls, url: str, request: bytes, connections: int, *, cores: Collection[int]
    ) -> AsyncIterator[Self]:
        """As long as the context lasts, on those cores; it begins when told."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "support.login_flood", url, str(connections)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={"PYTHONPATH": str(ROOT / "tests")},
        )
        os.sched_setaffinity(process.pid, cores)
        flood = cls(process)
        flood._write(base64.b64encode(request).decode())
        try:
            yield flood
        finally:
            process.kill()
            await process.wait()

    async def begin(self) -> None:
        """Return once the passwords are more than can be hashed."""
        await self._tell("on")

    async def end(self) -> None:
        """Return once the last one has been answered."""
        await self._tell("off")

    async def _tell(self, word: str) -> None:
        assert self._process.stdout is not None
        self._write(word)
        async with asyncio.timeout(60):
            assert (await self._process.stdout.readline()).decode().strip() == word

    def _write(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n".encode())


class _Flood:
    """The same, from within."""

    def __init__(self, url: str, connections: int, request: bytes) -> None:
        self._url = url
        self._connections = connections
        self._request = request
        self._is_on = False
        self._overflows = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def turn(self, word: str) -> None:
        self._is_on = word == "on"
        if self._is_on:
            self._overflows.clear()
            self._tasks = [asyncio.create_task(self._guess()) for _ in range(self._connections)]
            await self._overflows.wait()
        else:
            await asyncio.gather(*self._tasks)

    async def _guess(self) -> None:
        connection = await RawConnection.open(self._url)
        while self._is_on:
            connection.send(self._request)
            if (await connection.head()).status == SHED:
                self._overflows.set()
                # A client that is refused comes back, and not in the same instant.
                await asyncio.sleep(PAUSE_SECONDS)
        connection.abort()


async def _main(url: str, connections: str) -> None:
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    flood = _Flood(url, int(connections), base64.b64decode(await lines.readline()))
    while word := (await lines.readline()).decode().strip():
        await flood.turn(word)
        print(word, flush=True)  # noqa: T201 - what the other process waits for


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
