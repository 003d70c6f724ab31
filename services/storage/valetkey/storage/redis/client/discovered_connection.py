"""Connections to a server whose address is looked up each time: the master may have changed."""

from collections.abc import Awaitable, Callable
from typing import Any

from redis.asyncio.connection import Connection, SSLConnection
from redis.exceptions import AskError, MovedError, ReadOnlyError, ResponseError

from valetkey.runtime.settings.redis_address import Node

Locate = Callable[[], Awaitable[Node]]
_NOT_THE_MASTER = "READONLY "


class DiscoveredConnection(Connection):
    """A connection that asks where to go whenever it is made, and ends when it finds itself in the wrong place."""

    def __init__(self, *, locate: Locate, **options: Any) -> None:  # noqa: ANN401 - whatever redis-py takes
        self._locate = locate
        super().__init__(**options)

    async def _connect(self) -> None:
        self.host, self.port = await self._locate()
        await super()._connect()  # type: ignore[no-untyped-call]

    async def read_response(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - as in redis-py
        """The answer. One that says that this is not the master ends the connection."""
        try:
            return await super().read_response(*arguments, **options)
        except ResponseError as error:
            if is_of_another(error):
                await self.disconnect(nowait=True)
            raise


class DiscoveredSSLConnection(DiscoveredConnection, SSLConnection):
    """The same over TLS."""


def is_of_another(error: Exception) -> bool:
    """Whether an answer says that this is not the server that should have been asked."""
    # A script puts its own words around what it met.
    return isinstance(error, (ReadOnlyError, MovedError, AskError)) or _NOT_THE_MASTER in str(error)
