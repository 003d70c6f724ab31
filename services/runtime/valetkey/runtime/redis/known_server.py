"""One connection, and which server process is at its other end."""

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import cast

from redis import exceptions
from redis.asyncio.connection import AbstractConnection

from valetkey.runtime.redis.connection import connect

_logger = logging.getLogger(__name__)


class KnownServer:
    """Reads over a single connection, so that whatever it reads comes from the process that ``run_id`` names.

    A server process draws its ``run_id`` when it starts: a restart, a restored backup and a promoted replica each have
    another one. It is asked for on every new connection, before anything else. Not for several readers at a time.
    """

    def __init__(self, url: str, *, timeout: timedelta) -> None:
        self._redis = connect(url, timeout=timeout, max_connections=1, on_connect=self._greet)
        self._run_id: str | None = None

    @property
    def run_id(self) -> str | None:
        """The process that answered last, or None if it does not say, or may drop keys when memory is short."""
        return self._run_id

    async def read(self, keys: Sequence[str]) -> list[bytes | None]:
        """What these keys hold, in one step."""
        return cast("list[bytes | None]", await self._redis.mget(keys))

    async def aclose(self) -> None:
        """Close the connection."""
        await self._redis.aclose()

    async def _greet(self, connection: AbstractConnection) -> None:
        self._run_id = None
        await connection.on_connect()
        try:
            await connection.send_command("INFO", check_health=False)
            answer = await connection.read_response()
        except exceptions.ResponseError as error:
            _logger.warning("redis does not tell which process it is: %s", error)
            return
        info = dict(line.split(":", 1) for line in answer.decode(errors="replace").splitlines() if ":" in line)
        if info.get("maxmemory", "0") != "0" and info.get("maxmemory_policy") != "noeviction":
            _logger.warning("redis may evict keys, so revocations are read from postgresql: set noeviction")
            return
        self._run_id = info.get("run_id")
