"""One connection, and which server process is at its other end."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any, cast

from redis import exceptions
from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection

from valetkey.runtime.metrics import DATABASE_MAX
from valetkey.runtime.redis.address import Node, parse_address
from valetkey.runtime.redis.connection import ProvenConnectionPool, connection_options, located, open_cluster
from valetkey.runtime.redis.located import LocatedConnection
from valetkey.runtime.redis.sentinels import Sentinels

_logger = logging.getLogger(__name__)


class KnownServer:
    """Reads over a single connection, so that whatever it reads comes from the process that ``run_id`` names.

    A server process draws its ``run_id`` when it starts: a restart, a restored backup, a promoted replica and the node
    that a slot has moved to each have another one. It is asked for on every new connection, before anything else. Not
    for several readers at a time. ``key`` says which node of a Cluster is meant.
    """

    def __init__(self, url: str, *, key: str, timeout: timedelta) -> None:
        self._run_id: str | None = None
        self._connected_to: Node | None = None
        self._locate: Callable[[], Awaitable[Node]] | None = None
        self._distrust: Callable[[], None] = lambda: None
        self._closers: list[Callable[[], Awaitable[None]]] = []
        self._is_sentinel = False
        DATABASE_MAX.change(1, "redis")
        self._pool = ProvenConnectionPool(**self._options(url, key, timeout))
        self._redis = Redis.from_pool(self._pool)

    @property
    def run_id(self) -> str | None:
        """The process that answered last, or None if it does not say, or may drop keys when memory is short."""
        return self._run_id

    async def read(self, keys: Sequence[str]) -> list[bytes | None]:
        """What these keys hold, in one step."""
        try:
            # An old master that is cut off together with us does not know of revocations: so ask who is master.
            if self._is_sentinel and self._locate is not None and self._connected_to != await self._locate():
                await self._pool.disconnect()
            return cast("list[bytes | None]", await self._redis.mget(keys))
        except exceptions.RedisError:
            self._distrust()
            raise

    async def aclose(self) -> None:
        """Close the connection."""
        await self._redis.aclose()
        for close in self._closers:
            await close()

    def _options(self, url: str, key: str, timeout: timedelta) -> dict[str, Any]:
        address = parse_address(url)
        options = connection_options(address, timeout, 1)
        if address.topology == "single":
            return {**options, "redis_connect_func": self._greet}
        if address.topology == "sentinel":
            sentinels = Sentinels(address, options)
            self._is_sentinel = True
            self._locate = sentinels.locate_for_certain
            self._closers.append(sentinels.aclose)
            return located(address, options, sentinels.locate_for_certain, self._greet)
        cluster = open_cluster(address, options)
        self._distrust = cluster.distrust
        self._closers.append(cluster.aclose)
        return located(address, options, lambda: cluster.locate_key(key), self._greet)

    async def _greet(self, connection: AbstractConnection) -> None:
        self._run_id = self._connected_to = None
        await connection.on_connect()
        try:
            await connection.send_command("INFO", check_health=False)
            answer = await connection.read_response()
        except exceptions.ResponseError as error:
            _logger.warning("redis does not tell which process it is: %s", error)
            return
        info = dict(line.split(":", 1) for line in answer.decode(errors="replace").splitlines() if ":" in line)
        if isinstance(connection, LocatedConnection):
            if info.get("role") != "master":
                raise exceptions.ConnectionError("the server that was named is not a master")
            self._connected_to = (connection.host, connection.port)
        if info.get("maxmemory", "0") != "0" and info.get("maxmemory_policy") != "noeviction":
            _logger.warning("redis may evict keys, so revocations are read from postgresql: set noeviction")
            return
        self._run_id = info.get("run_id")
