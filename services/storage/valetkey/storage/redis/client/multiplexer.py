"""Commands over one connection, from the first command until every caller has an answer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from valetkey.runtime.telemetry.tracing import detached_task
from valetkey.storage.batches import share_end
from valetkey.storage.redis.client.pipelined_connection import PipelinedConnection

if TYPE_CHECKING:
    from redis.asyncio import ConnectionPool
    from redis.asyncio.connection import AbstractConnection

# The pool checks a connection, and the server it leads to, when it is taken. So none is kept for long.
_LIFETIME = 0.1
_OVER = float("-inf")


class Multiplexer:
    """Takes a connection from the pool when it begins, and gives it back when it ends.

    Each command is sent once, as soon as there is a connection, and not at all if its caller has gone by then. It is
    answered by itself, or fails with the connection. A caller that is cancelled leaves the others waiting.
    """

    def __init__(self, pool: ConnectionPool, timeout: float) -> None:
        self._pool = pool
        self._timeout = timeout
        self._loop = asyncio.get_running_loop()
        self._unsent: list[tuple[bytes, asyncio.Future[Any]]] = []
        self._borrowed: PipelinedConnection | None = None
        self._until = float("inf")
        self._unanswered: list[asyncio.Future[Any]] = []
        self.task = detached_task(self._hold(), "redis conversation")
        self.task.add_done_callback(self._end)

    @property
    def is_open(self) -> bool:
        """Whether one more command may be asked."""
        return self._loop.time() < self._until and (self._borrowed is None or self._borrowed.is_sound)

    def ask(self, command: bytes) -> asyncio.Future[Any]:
        """The answer to a packed command, to be awaited by one caller. Raises redis-py's errors."""
        answer: asyncio.Future[Any] = self._loop.create_future()
        if self._borrowed is None:
            self._unsent.append((command, answer))
        else:
            self._borrowed.ask(command, answer)
        return answer

    async def _hold(self) -> None:
        connection: AbstractConnection = await self._pool.get_connection()  # type: ignore[no-untyped-call]
        try:
            await self._serve(connection)
        finally:
            await self._pool.release(connection)

    async def _serve(self, connection: AbstractConnection) -> None:
        borrowed = PipelinedConnection(connection, self._timeout)
        unsent, self._unsent = self._unsent, []
        for command, answer in unsent:
            if not answer.done():
                borrowed.ask(command, answer)
        self._borrowed, self._until = borrowed, self._loop.time() + _LIFETIME
        try:
            await borrowed.answered()
        finally:
            self._until = _OVER
            self._unanswered = borrowed.give_back()
            if self._unanswered or not borrowed.is_sound:
                await connection.disconnect(nowait=True)

    def _end(self, task: asyncio.Task[None]) -> None:
        self._until = _OVER
        share_end(task, (*self._unanswered, *(answer for _, answer in self._unsent)))
