"""Connections to Redis, shared by everything in this process.

Nothing is ever sent twice behind the caller's back: redis-py's own default repeats a command up to ten times, and a
script that takes a code must not run twice. Instead a connection is proven before anything is sent on it.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from redis import exceptions
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.connection import AbstractConnection, parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from valetkey.runtime.metrics import DATABASE_CONNECTIONS, DATABASE_MAX

MAX_CONNECTIONS = 16
_IDLE_BEFORE_PROOF = 10.0
_USED = ("redis", "used")


class ProvenConnectionPool(BlockingConnectionPool):
    """Hands out a connection only once it has shown that it is alive, and replaces it if it is not."""

    async def ensure_connection(self, connection: AbstractConnection) -> None:
        """Connect; a connection that lay idle must answer a PING, or is made anew."""
        DATABASE_CONNECTIONS.change(1, *_USED)
        await super().ensure_connection(connection)
        try:
            await connection.check_health()  # type: ignore[no-untyped-call]
        except (exceptions.ConnectionError, exceptions.TimeoutError):
            await super().ensure_connection(connection)

    async def release(self, connection: AbstractConnection) -> None:
        """Take it back, whatever became of it."""
        DATABASE_CONNECTIONS.change(-1, *_USED)
        await super().release(connection)


def connect(
    url: str,
    *,
    timeout: timedelta = timedelta(seconds=1),
    max_connections: int = MAX_CONNECTIONS,
    on_connect: Callable[[AbstractConnection], Awaitable[None]] | None = None,
) -> Redis:
    """A client for this server that connects when it is first used; close it with ``aclose``.

    ``timeout`` is for each of: waiting for one of ``max_connections``, connecting, sending, and the answer.
    ``on_connect``, a coroutine function, greets the server on each new connection in place of redis-py.
    """
    seconds = timeout.total_seconds()
    DATABASE_MAX.change(max_connections, "redis")
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
        "redis_connect_func": on_connect,
    }
    return Redis.from_pool(ProvenConnectionPool(**{**parse_url(url), **options}))
