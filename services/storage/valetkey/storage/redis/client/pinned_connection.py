"""One connection, and which server process is at its other end, since when."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any, cast

from redis import exceptions
from redis.asyncio.connection import AbstractConnection

from valetkey.runtime.settings.redis_address import Node, parse_address
from valetkey.runtime.telemetry.metrics import DATABASE_MAX
from valetkey.storage.redis.client.connection import HealthCheckedPool, connection_options, discovered, open_cluster
from valetkey.storage.redis.client.discovered_connection import DiscoveredConnection
from valetkey.storage.redis.client.pipelining import PipeliningRedis
from valetkey.storage.redis.client.sentinels import Sentinels

_logger = logging.getLogger(__name__)
_RESTED = 0.05
# No master is replaced within less.
_RESTED_LONG = 0.5


class PinnedConnection:
    """Reads over a single connection, so that whatever it reads comes from the server that ``identity`` names.

    It is asked for on every new connection, before anything else, and made of: ``run_id``, which a process draws when
    it starts; ``master_replid``, which it draws when it is promoted; and in a Cluster the epoch, which goes up when a
    slot moves to it. So neither a restart nor a restored backup goes unnoticed, nor that another server was the master
    in between. Not for several readers at a time. ``key`` says which node of a Cluster is meant.
    """

    def __init__(self, url: str, *, key: str, timeout: timedelta) -> None:
        self._identity: str | None = None
        self._process: str | None = None
        self._is_of_cluster = False
        self._is_doubted = False
        self._read_at = float("-inf")
        self._connected_to: Node | None = None
        self._locate: Callable[[], Awaitable[Node]] | None = None
        self._distrust: Callable[[], None] = lambda: None
        self._closers: list[Callable[[], Awaitable[None]]] = []
        self._is_sentinel = False
        self._confirm: Callable[[Node], Awaitable[None]] | None = None
        DATABASE_MAX.change(1, "redis")
        self._pool = HealthCheckedPool(**self._options(url, key, timeout))
        self._redis = PipeliningRedis.from_pool(self._pool)

    @property
    def identity(self) -> str | None:
        """The server that answered last, or None if it does not say, or may drop keys when memory is short."""
        return self._identity

    def reconnect(self) -> None:
        """Connect anew for the next read: the server may have another identity by now."""
        self._is_doubted = True

    async def read(self, keys: Sequence[str]) -> list[bytes | None]:
        """What these keys hold, in one step."""
        try:
            # An old master that is cut off together with us does not know of revocations: so ask who is master.
            is_elsewhere = self._is_sentinel and self._locate is not None and self._connected_to != await self._locate()
            if is_elsewhere or self._is_doubted:
                self._is_doubted = False
                await self._pool.disconnect()
            return await self._read(keys)
        except exceptions.RedisError:
            self._distrust()
            raise

    async def aclose(self) -> None:
        """Close the connection."""
        await self._redis.aclose()
        for close in self._closers:
            await close()

    async def _read(self, keys: Sequence[str]) -> list[bytes | None]:
        last, self._read_at = self._read_at, asyncio.get_running_loop().time()
        if self._confirm is not None and self._connected_to is not None and self._read_at - last > _RESTED_LONG:
            await self._confirm(self._connected_to)
        # A connection in use is redirected when the slot moves; an idle one could miss that the slot was away.
        if not self._is_of_cluster or self._read_at - last < _RESTED:
            return cast("list[bytes | None]", await self._redis.mget(keys))
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.mget(keys)
            pipe.execute_command("CLUSTER", "INFO")
            values, cluster_info = await pipe.execute(raise_on_error=False)
        if isinstance(values, Exception):
            raise values
        self._set_epoch(cluster_info)
        return cast("list[bytes | None]", values)

    def _options(self, url: str, key: str, timeout: timedelta) -> dict[str, Any]:
        address = parse_address(url)
        options = connection_options(address, timeout, 1)
        if address.topology == "single":
            return {**options, "redis_connect_func": self._on_connect}
        if address.topology == "sentinel":
            sentinels = Sentinels(address, options)
            self._is_sentinel = True
            self._locate = sentinels.locate_for_certain
            self._closers.append(sentinels.aclose)
            return discovered(address, options, sentinels.locate_for_certain, self._on_connect)
        cluster = open_cluster(address, options)
        self._distrust = cluster.distrust
        self._confirm = lambda node: cluster.confirm(key, node)
        self._closers.append(cluster.aclose)
        return discovered(address, options, lambda: cluster.locate_key(key), self._on_connect)

    async def _on_connect(self, connection: AbstractConnection) -> None:
        self._identity = self._process = self._connected_to = None
        self._is_of_cluster = False
        await connection.on_connect()
        try:
            info = _fields(await _ask(connection, "INFO"))
        except exceptions.ResponseError as error:
            _logger.warning("redis does not tell which process it is: %s", error)
            return
        if isinstance(connection, DiscoveredConnection):
            if info.get("role") != "master":
                raise exceptions.ConnectionError("the server that was named is not a master")
            if self._confirm is not None:
                await self._confirm((connection.host, connection.port))
            self._connected_to = (connection.host, connection.port)
        if info.get("maxmemory", "0") != "0" and info.get("maxmemory_policy") != "noeviction":
            _logger.warning("redis may evict keys, so revocations are read from postgresql: set noeviction")
            return
        run_id, replication_id = info.get("run_id"), info.get("master_replid", "")
        self._process = f"{run_id}:{replication_id}" if run_id else None
        self._is_of_cluster = info.get("cluster_enabled") == "1"
        if not self._is_of_cluster:
            self._identity = self._process
            return
        try:
            self._set_epoch(await _ask(connection, "CLUSTER", "INFO"))
        except exceptions.ResponseError as error:
            self._set_epoch(error)

    def _set_epoch(self, answer: bytes | Exception) -> None:
        if isinstance(answer, Exception):
            _logger.warning("a node of the cluster does not tell its epoch: %s", answer)
            self._identity = None
            return
        epoch = _fields(answer).get("cluster_my_epoch")
        self._identity = f"{self._process}:{epoch}" if self._process and epoch else None


async def _ask(connection: AbstractConnection, *command: str) -> bytes:
    await connection.send_command(*command, check_health=False)
    return cast("bytes", await connection.read_response())


def _fields(answer: bytes) -> dict[str, str]:
    return dict(line.split(":", 1) for line in answer.decode(errors="replace").splitlines() if ":" in line)
