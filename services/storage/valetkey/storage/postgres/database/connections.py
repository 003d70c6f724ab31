"""Bounded PostgreSQL connection pool.

asyncpg makes the connections and runs the statements. The pool is our own, because each acquisition from asyncpg's pool
costs as much as a statement (a task, two timers, a proxy), and most requests run one statement.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from typing import TYPE_CHECKING

import asyncpg

from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.runtime.telemetry.metrics import DATABASE_REFUSED
from valetkey.runtime.telemetry.tracing import detached_task

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Connection = asyncpg.Connection[asyncpg.Record]
    # None is the right to make one.
    Turn = asyncio.Future[Connection | None]

_WAITING_PER_CONNECTION = 100
_CLOSED = "PostgreSQL: its connections are closed"


class Connections:
    """At most ``most`` of what ``connect`` makes. Times are in seconds.

    A wait for one takes at most ``timeout``; where so many wait that most would time out, the next is refused at
    once. Waiting callers are served in the order of their arrival. One that is idle for ``idle_lifetime`` is closed.
    """

    def __init__(
        self, connect: Callable[[], Awaitable[Connection]], *, most: int, timeout: float, idle_lifetime: float
    ) -> None:
        self._connect = connect
        self._most = most
        self._timeout = timeout
        self._idle_lifetime = idle_lifetime
        self._places = most
        # The last one that was returned is used first, so that surplus ones become idle.
        self._idle: deque[tuple[Connection, float]] = deque()
        self._lent: set[Connection] = set()
        self._waiting: OrderedDict[Turn, None] = OrderedDict()
        self._settling: dict[asyncio.Task[None], Connection] = {}
        self._sweeper: asyncio.TimerHandle | None = None
        self._is_closing = False
        self._all_are_back = asyncio.Event()

    @property
    def idle(self) -> int:
        """How many are idle."""
        return len(self._idle)

    @property
    def used(self) -> int:
        """How many are being made, are in use, or are being cleaned up."""
        return self._most - self._places - len(self._idle)

    @property
    def waiting(self) -> int:
        """How many wait for one."""
        return len(self._waiting)

    async def take(self) -> Connection:
        """A connection for this caller alone, until ``give_back``.

        Raises ``TemporarilyUnavailable`` or ``TimeoutError`` where none is free, and what ``connect`` raises.
        """
        if self._is_closing:
            raise TemporarilyUnavailable(_CLOSED)
        while self._idle:
            connection, _ = self._idle.pop()
            if not connection.is_closed():
                self._lent.add(connection)
                return connection
            self._drop(connection)
        if self._places:
            self._places -= 1
            return await self._make()
        return await self._wait()

    def give_back(self, connection: Connection, error: BaseException | None = None) -> None:
        """Return a connection that ``take`` gave. ``error`` is what the caller's use of it raised."""
        self._lent.discard(connection)
        if connection.is_closed():
            self._drop(connection)
        elif (error is None or isinstance(error, asyncpg.PostgresError)) and not connection.is_in_transaction():
            self._lend_on(connection)
        else:
            # An answer may still be under way that no caller waits for.
            task = detached_task(self._settle(connection), "postgres-settle")
            self._settling[task] = connection
            task.add_done_callback(self._settled)

    async def close(self) -> None:
        """Hand out no more, wait until all are returned, and close them in good order."""
        idle = self._begin_to_end()
        # ``terminate`` closes these too, if the server does not answer.
        self._lent.update(idle)
        await asyncio.gather(*(connection.close(timeout=self._timeout) for connection in idle), return_exceptions=True)
        if self._places < self._most:
            await self._all_are_back.wait()

    def terminate(self) -> None:
        """Close them all at once, those in use too."""
        for connection in (*self._begin_to_end(), *self._lent, *self._settling.values()):
            connection.terminate()
        for task in self._settling:
            task.cancel()

    async def _make(self) -> Connection:
        try:
            connection = await self._connect()
        except BaseException:
            self._free_place()
            raise
        self._lent.add(connection)
        return connection

    async def _wait(self) -> Connection:
        if len(self._waiting) >= self._most * _WAITING_PER_CONNECTION:
            DATABASE_REFUSED.add()
            raise TemporarilyUnavailable("PostgreSQL: too many wait for a connection")
        loop = asyncio.get_running_loop()
        turn: Turn = loop.create_future()
        self._waiting[turn] = None
        timer = loop.call_later(self._timeout, self._too_late, turn)
        try:
            connection = await turn
        except BaseException:
            # A caller that is cancelled after it was given a connection passes the connection on.
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._pass_on(turn.result())
            raise
        finally:
            timer.cancel()
            self._waiting.pop(turn, None)
        return await self._make() if connection is None else connection

    def _too_late(self, turn: Turn) -> None:
        if not turn.done():
            turn.set_exception(TimeoutError("every connection to PostgreSQL is in use"))

    def _next(self) -> Turn | None:
        while self._waiting:
            turn, _ = self._waiting.popitem(last=False)
            if not turn.done():
                return turn
        return None

    def _pass_on(self, connection: Connection | None) -> None:
        if connection is None:
            self._free_place()
        else:
            self.give_back(connection)

    def _lend_on(self, connection: Connection) -> None:
        if (turn := self._next()) is not None:
            self._lent.add(connection)
            turn.set_result(connection)
        elif self._is_closing:
            self._drop(connection)
        else:
            loop = asyncio.get_running_loop()
            self._idle.append((connection, loop.time()))
            if self._sweeper is None:
                self._sweeper = loop.call_later(self._idle_lifetime, self._sweep)

    def _free_place(self) -> None:
        if (turn := self._next()) is not None:
            turn.set_result(None)
            return
        self._places += 1
        if self._is_closing and self._places == self._most:
            self._all_are_back.set()

    def _drop(self, connection: Connection) -> None:
        connection.terminate()
        self._free_place()

    async def _settle(self, connection: Connection) -> None:
        try:
            # asyncpg waits until what was cancelled is over, and rolls back.
            await connection.reset(timeout=self._timeout)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError):
            connection.terminate()
        except BaseException:
            connection.terminate()
            raise

    def _settled(self, task: asyncio.Task[None]) -> None:
        connection = self._settling.pop(task)
        if task.cancelled() or connection.is_closed() or connection.is_in_transaction():
            self._drop(connection)
        else:
            self._lend_on(connection)

    def _sweep(self) -> None:
        self._sweeper, loop = None, asyncio.get_running_loop()
        while self._idle and self._idle[0][1] + self._idle_lifetime <= loop.time():
            connection, _ = self._idle.popleft()
            self._drop(connection)
        if self._idle:
            self._sweeper = loop.call_at(self._idle[0][1] + self._idle_lifetime, self._sweep)

    def _begin_to_end(self) -> list[Connection]:
        """The idle connections; waiting callers are refused."""
        self._is_closing = True
        if self._sweeper is not None:
            self._sweeper.cancel()
        while (turn := self._next()) is not None:
            turn.set_exception(TemporarilyUnavailable(_CLOSED))
        idle = [connection for connection, _ in self._idle]
        self._idle.clear()
        self._places += len(idle)
        return idle
