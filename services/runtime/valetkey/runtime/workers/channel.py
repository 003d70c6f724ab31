"""The way between a supervisor and a worker: a pair of connected sockets that nobody else can reach.

A question is a word and a line break, an answer its length (four bytes, network order) and so many bytes. Answers come
in the order of the questions.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import deque
from collections.abc import Callable, Mapping

_LENGTH = 4

Answers = Mapping[str, Callable[[], bytes]]


class Asker:
    """The supervisor's end. Asks nothing twice that has not been answered, so a worker that hangs costs nothing."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._due: deque[str] = deque()
        self._pending: dict[str, asyncio.Future[bytes]] = {}
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def over(cls, channel: socket.socket) -> Asker:
        """From now on the socket belongs to it."""
        return cls(*await asyncio.open_unix_connection(sock=channel))

    @property
    def is_over(self) -> bool:
        """Whether the other end has hung up."""
        return self._reading.done()

    async def ask(self, question: str, seconds: float) -> bytes | None:
        """The answer; None where there is none within so many seconds, or nobody who could give it."""
        pending = self._pending.get(question)
        if pending is None:
            if self.is_over:
                return None
            pending = self._pending[question] = asyncio.get_running_loop().create_future()
            self._due.append(question)
            self._writer.write(f"{question}\n".encode())
        await asyncio.wait([pending], timeout=seconds)
        return pending.result() if pending.done() and not pending.cancelled() else None

    async def close(self) -> None:
        """Hang up, upon which a worker that still runs ends."""
        self._reading.cancel()
        await asyncio.wait([self._reading])
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def _read(self) -> None:
        try:
            while True:
                length = int.from_bytes(await self._reader.readexactly(_LENGTH))
                answer = await self._reader.readexactly(length)
                self._pending.pop(self._due.popleft()).set_result(answer)
        except (asyncio.IncompleteReadError, OSError):
            pass  # It has ended; whoever waits for its process learns how.
        finally:
            for pending in self._pending.values():
                pending.cancel()
            self._pending.clear()


async def answer(channel: socket.socket, answers: Answers) -> None:
    """The worker's end: answer until the supervisor hangs up."""
    reader, writer = await asyncio.open_unix_connection(sock=channel)
    with contextlib.suppress(OSError):
        while question := (await reader.readline()).decode().strip():
            text = answers.get(question, bytes)()
            writer.write(len(text).to_bytes(_LENGTH) + text)
            await writer.drain()
    writer.close()
