"""A connection of redis-py's, over which commands follow each other without waiting for the answers between them.

redis-py connects: it finds the server, speaks TLS and authenticates. What it then does for each command (a lock, a
task, a stream, timers, records of its own) costs many times what the exchange does, so commands go past it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any, cast

import hiredis
from redis import exceptions

from valetkey.storage.redis.client.discovered_connection import DiscoveredConnection, is_of_another

if TYPE_CHECKING:
    from redis.asyncio.connection import AbstractConnection

_MISSING = object()
_LAST_LOOK = 0.01


class PipelinedConnection(asyncio.Protocol):
    """Between ``__init__`` and ``give_back`` no other code may use the connection.

    Redis answers in the order in which it was asked. So where an answer takes longer than ``timeout`` seconds, or makes
    no sense, the next one cannot be matched to its command: ``answered`` raises, and nothing more is sent. A caller
    must close a connection that is not ``is_sound`` any more.
    """

    def __init__(self, connection: AbstractConnection, timeout: float) -> None:
        """Raises redis-py's ``ConnectionError`` if the connection was lost since it was proven."""
        self._connection = connection
        # Between commands nothing is buffered in redis-py's stream or parser, so that nothing gets lost here.
        reader, writer = connection._reader, connection._writer  # noqa: SLF001
        # Who comes after the end is not told of it.
        if reader is None or writer is None or reader.at_eof() or writer.is_closing():
            raise exceptions.ConnectionError("the connection was lost before anything was sent")
        self._transport = cast("asyncio.Transport", writer.transport)
        self._lender = cast("asyncio.StreamReaderProtocol", self._transport.get_protocol())
        self._reader = hiredis.Reader(
            protocolError=exceptions.InvalidResponse,
            replyError=connection._parser.parse_error,  # noqa: SLF001
            notEnoughData=_MISSING,
        )
        self._is_located = isinstance(connection, DiscoveredConnection)
        self._timeout = timeout
        self._loop = asyncio.get_running_loop()
        self._asked: deque[tuple[asyncio.Future[Any], float]] = deque()
        self._unsent: list[bytes] = []
        self._answered: asyncio.Future[None] | None = None
        self._error: Exception | None = None
        self.is_sound = True
        self._timer = self._loop.call_later(timeout, self._look_at_the_clock)
        self._transport.set_protocol(self)

    def ask(self, command: bytes, answer: asyncio.Future[Any]) -> None:
        """Send a packed command, together with whatever else is asked in this turn of the event loop."""
        self._asked.append((answer, self._loop.time()))
        if not self._unsent:
            self._loop.call_soon(self._send)
        self._unsent.append(command)

    async def answered(self) -> None:
        """Return as soon as no command waits for an answer. Raises redis-py's errors."""
        while self._asked and self._error is None:
            self._answered = self._loop.create_future()
            await self._answered
        if self._error is not None:
            raise self._error
        # Only a connection that lay idle for so long is asked whether it is alive.
        connection = self._connection
        connection.next_health_check = self._loop.time() + connection.health_check_interval

    def give_back(self) -> list[asyncio.Future[Any]]:
        """Leave the connection to redis-py again. Returns the commands that were not answered."""
        self._timer.cancel()
        self._unsent.clear()
        self._transport.set_protocol(self._lender)
        return [answer for answer, _ in self._asked]

    def data_received(self, data: bytes) -> None:
        """See ``asyncio.Protocol``."""
        self._reader.feed(data)
        try:
            while self._error is None and (answer := self._reader.gets()) is not _MISSING:
                self._take(answer)
        except exceptions.InvalidResponse as error:
            self._fail(error)
        if not self._asked:
            self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """See ``asyncio.Protocol``."""
        self._lender.connection_lost(exc)
        self._fail(exceptions.ConnectionError("the connection was closed by the server"))

    def pause_writing(self) -> None:
        """See ``asyncio.Protocol``. Writing goes on: waiting commands are bounded elsewhere, their time here."""
        self._lender.pause_writing()

    def resume_writing(self) -> None:
        """See ``asyncio.Protocol``."""
        self._lender.resume_writing()

    def _send(self) -> None:
        commands = b"".join(self._unsent)
        self._unsent.clear()
        if commands and self._error is None:
            self._transport.write(commands)

    def _take(self, answer: Any) -> None:  # noqa: ANN401 - whatever Redis answers
        if not self._asked:
            self._fail(exceptions.InvalidResponse("redis sent a reply without a command"))
        elif isinstance(answer, exceptions.ConnectionError):
            self._fail(answer)
        else:
            self._give(self._asked.popleft()[0], answer)

    def _give(self, future: asyncio.Future[Any], answer: Any) -> None:  # noqa: ANN401 - likewise
        if isinstance(answer, Exception):
            if self._is_located and is_of_another(answer):
                self.is_sound = False
            if not future.done():
                future.set_exception(answer)
        elif not future.done():
            future.set_result(answer)

    def _look_at_the_clock(self) -> None:
        now = self._loop.time()
        due = (self._asked[0][1] if self._asked else now) + self._timeout
        if due <= now:
            # A process that was held up for so long finds the answer at its door, but timers come first.
            self._timer = self._loop.call_later(_LAST_LOOK, self._give_up, self._asked[0])
        else:
            self._timer = self._loop.call_at(due, self._look_at_the_clock)

    def _give_up(self, oldest: tuple[asyncio.Future[Any], float]) -> None:
        if self._asked and self._asked[0] is oldest:
            self._fail(exceptions.TimeoutError("redis takes too long to answer"))
        else:
            self._look_at_the_clock()

    def _fail(self, error: Exception) -> None:
        if self._error is None:
            self._error = error
        self.is_sound = False
        self._wake()

    def _wake(self) -> None:
        if self._answered is not None and not self._answered.done():
            self._answered.set_result(None)
