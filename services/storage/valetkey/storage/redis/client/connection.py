"""Connections to Redis, shared by everything in this process.

Nothing is ever sent twice behind the caller's back: redis-py's own default repeats a command up to ten times, and a
script that takes a code must not run twice. Instead a connection is proven before anything is sent on it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeVar

from redis import exceptions
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.connection import AbstractConnection, parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from valetkey.runtime.settings.redis_address import Node, RedisAddress, parse_address
from valetkey.runtime.telemetry.metrics import DATABASE_CONNECTIONS, DATABASE_MAX
from valetkey.storage.redis.client.cluster import Cluster, ClusterRedis
from valetkey.storage.redis.client.discovered_connection import DiscoveredConnection, DiscoveredSSLConnection, Locate
from valetkey.storage.redis.client.pipelining import PipeliningRedis
from valetkey.storage.redis.client.sentinels import Sentinels

Answer = TypeVar("Answer")
OnConnect = Callable[[AbstractConnection], Awaitable[None]]
MAX_CONNECTIONS = 16
_IDLE_BEFORE_PROOF = 10.0
_USED = ("redis", "used")


class HealthCheckedPool(ConnectionPool):
    """Hands out a connection only once it has shown that it is alive, and replaces it if it is not.

    Waits at most ``timeout`` seconds until one of ``max_connections`` is free.
    """

    def __init__(self, *, timeout: float, max_connections: int, **options: Any) -> None:  # noqa: ANN401 - redis-py's
        super().__init__(max_connections=max_connections, **options)
        self._timeout = timeout
        self._places = asyncio.Semaphore(max_connections)

    async def get_connection(self, *_arguments: Any, **_options: Any) -> AbstractConnection:  # noqa: ANN401 - likewise
        """A connection for this caller alone. Raises redis-py's ``ConnectionError`` and ``TimeoutError``."""
        await self._take_place()
        connection: AbstractConnection = self.get_available_connection()  # type: ignore[no-untyped-call]
        DATABASE_CONNECTIONS.change(1, *_USED)
        try:
            await self.ensure_connection(connection)
        except BaseException:
            await self.release(connection)
            raise
        return connection

    async def ensure_connection(self, connection: AbstractConnection) -> None:
        """Connect; a connection that lay idle must answer a PING, or is made anew."""
        await self.drop_if_stale(connection)
        if not await _is_ready(connection):
            await connection.disconnect(nowait=True)
            await super().ensure_connection(connection)
        try:
            await connection.check_health()  # type: ignore[no-untyped-call]
        except (exceptions.ConnectionError, exceptions.TimeoutError):
            await super().ensure_connection(connection)

    async def drop_if_stale(self, connection: AbstractConnection) -> None:
        """Close a connection that leads to the wrong server."""

    async def release(self, connection: AbstractConnection) -> None:
        """Take it back, whatever became of it."""
        DATABASE_CONNECTIONS.change(-1, *_USED)
        self._in_use_connections.remove(connection)
        try:
            if connection.should_reconnect():  # type: ignore[no-untyped-call]
                await connection.disconnect(nowait=True)
        finally:
            self._available_connections.append(connection)
            self._places.release()

    async def disconnect(self, inuse_connections: bool = True) -> None:  # noqa: FBT001, FBT002 - redis-py's
        """Close them, or only the idle ones: a caller that takes one meanwhile gets it intact, or closed."""
        if inuse_connections:
            await super().disconnect()
            return
        for connection in self._available_connections:
            await connection.disconnect(nowait=True)

    async def _take_place(self) -> None:
        if not self._places.locked():
            await self._places.acquire()
            return
        try:
            async with asyncio.timeout(self._timeout):
                await self._places.acquire()
        except TimeoutError as error:
            raise exceptions.ConnectionError("every connection to redis is in use") from error


class MasterConnectionPool(HealthCheckedPool):
    """Hands out connections to the master that the Sentinels name, and leaves one that they no longer name."""

    def __init__(self, sentinels: Sentinels, **options: Any) -> None:  # noqa: ANN401 - whatever redis-py takes
        self._sentinels = sentinels
        super().__init__(**options)

    @property
    def sentinels(self) -> Sentinels:
        """Whom we ask."""
        return self._sentinels

    async def drop_if_stale(self, connection: AbstractConnection) -> None:
        """Close a connection to a server that is the master no more, as was asked within the last second."""
        if (
            isinstance(connection, DiscoveredConnection)
            and connection.is_connected
            and await self._sentinels.has_moved((connection.host, connection.port))
        ):
            await connection.disconnect(nowait=True)

    async def confirm(self, connection: AbstractConnection | None) -> None:
        """Return once every reader reads where this connection wrote; ``ConnectionError`` if that is not certain."""
        if not isinstance(connection, DiscoveredConnection):
            raise exceptions.ConnectionError("the connection was lost")
        await self._sentinels.confirm((connection.host, connection.port))

    async def aclose(self) -> None:
        """Close every connection, also those to Sentinels."""
        await super().aclose()
        await self._sentinels.aclose()


def connect(
    url: str,
    *,
    timeout: timedelta = timedelta(seconds=1),
    max_connections: int = MAX_CONNECTIONS,
) -> Redis:
    """A client for this server, master or Cluster that connects when it is first used; close it with ``aclose``.

    ``timeout`` is for each of: waiting for one of ``max_connections`` (to each node of a Cluster), connecting,
    sending, and the answer.
    """
    address = parse_address(url)
    options = connection_options(address, timeout, max_connections)
    if address.topology == "cluster":
        return ClusterRedis(open_cluster(address, options))
    DATABASE_MAX.change(max_connections, "redis")
    if address.topology == "single":
        return PipeliningRedis.from_pool(HealthCheckedPool(**options))
    sentinels = Sentinels(address, options)
    pool = MasterConnectionPool(sentinels, **discovered(address, options, sentinels.locate, require_master))
    return PipeliningRedis.from_pool(pool)


async def write_for_everybody(redis: Redis, write: Callable[[Redis], Awaitable[Answer]]) -> Answer:
    """The answer to ``write``, once every reader goes to the server that gave it.

    Behind Sentinels an old master that is cut off still takes writes. Raises redis-py's errors.
    """
    pool = redis.connection_pool
    if not isinstance(pool, MasterConnectionPool):
        return await write(redis)
    async with redis.client() as single:
        answer = await write(single)
        await pool.confirm(single.connection)
    return answer


def open_cluster(address: RedisAddress, options: dict[str, Any]) -> Cluster:
    """The nodes of a Cluster, none of them connected yet."""

    def client_of(node: Node) -> Redis:
        DATABASE_MAX.change(options["max_connections"], "redis")
        return PipeliningRedis.from_pool(HealthCheckedPool(**{**options, "host": node[0], "port": node[1]}))

    return Cluster(address.nodes, client_of)


def connection_options(address: RedisAddress, timeout: timedelta, max_connections: int) -> dict[str, Any]:
    """What redis-py is told of every connection that carries data."""
    seconds = timeout.total_seconds()
    options: dict[str, Any] = {
        "max_connections": max_connections,
        "timeout": seconds,
        "socket_timeout": seconds,
        "socket_connect_timeout": seconds,
        "health_check_interval": _IDLE_BEFORE_PROOF,
        "retry": Retry(NoBackoff(), retries=0),
        # RESP3 would switch on maintenance notifications, and with them redis-py no longer checks that a connection
        # from the pool has no answer of an earlier command left in it.
        "protocol": 2,
        "driver_info": None,
    }
    return {**parse_url(address.server_url), **options}


def discovered(address: RedisAddress, options: dict[str, Any], locate: Locate, on_connect: OnConnect) -> dict[str, Any]:
    """The same for connections that ask ``locate`` where to go and begin with ``on_connect``, a coroutine function."""
    return {
        **options,
        "connection_class": DiscoveredSSLConnection if address.is_tls else DiscoveredConnection,
        "locate": locate,
        "redis_connect_func": on_connect,
    }


async def require_master(connection: AbstractConnection) -> None:
    """Begin, and refuse a server that is no master: Sentinels may name one that does not know of it yet."""
    await connection.on_connect()
    await connection.send_command("ROLE", check_health=False)
    role = await connection.read_response()
    if role[0] != b"master":
        raise exceptions.ConnectionError("the server that sentinels name is not a master yet")


async def _is_ready(connection: AbstractConnection) -> bool:
    """Whether it is connected, and no unexpected data has arrived."""
    writer: asyncio.StreamWriter | None = connection._writer  # noqa: SLF001
    if not connection.is_connected or writer is None or writer.is_closing():
        return False
    try:
        return not await connection.can_read()
    except exceptions.ConnectionError:
        return False
