"""The connections to PostgreSQL: a bounded pool for statements, and one connection that listens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from time import perf_counter
from typing import TYPE_CHECKING, Self

import asyncpg
from asyncpg import Record

from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.runtime.telemetry.metrics import DATABASE_CONNECTIONS, DATABASE_MAX, DATABASE_OPERATION, DATABASE_WAITING
from valetkey.runtime.telemetry.tracing import record_operation
from valetkey.storage.postgres.database.connections import Connections
from valetkey.storage.postgres.database.errors import postgres_errors
from valetkey.storage.postgres.database.listener import Callback, Listener
from valetkey.storage.postgres.database.server_address import server_attributes
from valetkey.storage.postgres.database.statement import Executor, Statement

if TYPE_CHECKING:
    from valetkey.storage.postgres.database.connections import Connection

_SYSTEM = "postgresql"
_IDLE_SECONDS = 300.0
_PREPARED_STATEMENTS = 100


class Transaction:
    """Statements that happen together or not at all."""

    def __init__(self, connection: Connection, timeout: float, attributes: Mapping[str, str | int]) -> None:
        self._connection = connection
        self._timeout = timeout
        self.attributes = attributes

    async def fetch(self, statement: Statement, *arguments: object) -> list[Record]:
        """See ``Executor``."""
        return await self._connection.fetch(statement.sql, *arguments, timeout=self._timeout)

    async def fetch_row(self, statement: Statement, *arguments: object) -> Record | None:
        """See ``Executor``."""
        return await self._connection.fetchrow(statement.sql, *arguments, timeout=self._timeout)

    async def execute(self, statement: Statement, *arguments: object) -> None:
        """See ``Executor``."""
        await self._connection.execute(statement.sql, *arguments, timeout=self._timeout)


class Database:
    """One PostgreSQL database. Opening needs no server: a service starts, and says 503, while PostgreSQL is away.

    ``dsn`` is a ``postgresql://`` URL; ``?host=/directory`` names a Unix socket. ``timeout`` bounds the wait for a
    connection and, apart from it, each statement. Where so many wait for a connection that most would wait in vain, the
    next one is refused at once. ``pooled`` says that behind ``dsn`` each transaction may meet another connection, as
    with PgBouncer: no statement stays prepared, and notifications only arrive through ``listen_dsn``.
    """

    def __init__(
        self,
        dsn: str,
        *,
        min_size: int = 1,
        max_size: int = 10,
        timeout: timedelta = timedelta(seconds=5),
        application_name: str = "valetkey",
        pooled: bool = False,
        listen_dsn: str | None = None,
    ) -> None:
        self._dsn = dsn
        self._prepared_statements = 0 if pooled else _PREPARED_STATEMENTS
        self._min_size = min_size
        self._max_size = max(max_size, 1)
        self._timeout = timeout.total_seconds()
        self._application_name = application_name
        self.attributes: Mapping[str, str | int] = server_attributes(dsn)
        self._connections = Connections(
            self._connect, most=self._max_size, timeout=self._timeout, idle_lifetime=_IDLE_SECONDS
        )
        listen_dsn = listen_dsn or (None if pooled else dsn)
        self._listener = Listener(listen_dsn, self._timeout, application_name) if listen_dsn else None
        self._is_open = False

    async def open(self) -> Self:
        """Make the first connections, where the server is there."""
        self._is_open = True
        DATABASE_MAX.set(self._max_size, _SYSTEM)
        DATABASE_CONNECTIONS.add_source(self._count_connections)
        DATABASE_WAITING.add_source(self._count_waiting)
        with suppress(TemporarilyUnavailable):
            await self._warm()
        return self

    async def close(self) -> None:
        """Let running statements finish, for as long as a statement may take, and leave."""
        if self._listener:
            await self._listener.close()
        if not self._is_open:
            return
        self._is_open = False
        DATABASE_CONNECTIONS.remove_source(self._count_connections)
        DATABASE_WAITING.remove_source(self._count_waiting)
        try:
            async with asyncio.timeout(self._timeout):
                await self._connections.close()
        except TimeoutError:
            self._connections.terminate()

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    def on_notify(self, channel: str, callback: Callback) -> None:
        """Call back with the payload of every notification; with None where some may have been missed.

        That is whenever the listening connection has been made anew, the first time included. Behind a pooler there
        are no notifications: the caller has to poll.
        """
        if self._listener:
            self._listener.add(channel, callback)

    async def fetch(self, statement: Statement, *arguments: object) -> list[Record]:
        """See ``Executor``."""
        async with self._connection(statement.name) as connection:
            return await connection.fetch(statement.sql, *arguments)

    async def fetch_row(self, statement: Statement, *arguments: object) -> Record | None:
        """See ``Executor``."""
        async with self._connection(statement.name) as connection:
            return await connection.fetchrow(statement.sql, *arguments)

    async def execute(self, statement: Statement, *arguments: object) -> None:
        """See ``Executor``."""
        async with self._connection(statement.name) as connection:
            await connection.execute(statement.sql, *arguments)

    @asynccontextmanager
    async def transaction(self, name: str, statement_timeout: timedelta | None = None) -> AsyncIterator[Executor]:
        """Commit at the end, roll back on any exception. ``name`` is for metrics and spans."""
        seconds = self._timeout if statement_timeout is None else statement_timeout.total_seconds()
        async with self._connection(name) as connection, connection.transaction():
            yield Transaction(connection, seconds, self.attributes)

    @asynccontextmanager
    async def _connection(self, name: str) -> AsyncIterator[Connection]:
        started, failure = perf_counter(), ""
        try:
            with postgres_errors:
                connection = await self._connections.take()
                try:
                    yield connection
                except BaseException as error:
                    self._connections.give_back(connection, error)
                    raise
                self._connections.give_back(connection)
        except BaseException as error:
            failure = type(error.__cause__ or error).__name__
            raise
        finally:
            ended = perf_counter()
            trace_id = record_operation(name, self.attributes, started, ended, failure)
            DATABASE_OPERATION.observe(ended - started, _SYSTEM, name, failure, trace_id=trace_id)

    async def _connect(self) -> Connection:
        return await asyncpg.connect(
            self._dsn,
            timeout=self._timeout,
            command_timeout=self._timeout,
            statement_cache_size=self._prepared_statements,
            server_settings={"application_name": self._application_name},
        )

    def _count_connections(self) -> dict[tuple[str, ...], float]:
        return {(_SYSTEM, "idle"): self._connections.idle, (_SYSTEM, "used"): self._connections.used}

    def _count_waiting(self) -> dict[tuple[str, ...], float]:
        return {(_SYSTEM,): self._connections.waiting}

    async def _warm(self) -> None:
        connections, wanted = self._connections, range(min(self._min_size, self._max_size))
        with postgres_errors:
            made = await asyncio.gather(*(connections.take() for _ in wanted), return_exceptions=True)
            failures = [result for result in made if isinstance(result, BaseException)]
            for connection in made:
                if not isinstance(connection, BaseException):
                    connections.give_back(connection)
            if failures:
                raise failures[0]
