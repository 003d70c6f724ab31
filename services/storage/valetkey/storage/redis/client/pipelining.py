"""A client that sends the commands of many requests over one connection, each as soon as it is asked for.

redis-py costs far more for a command of its own than Redis does. See ``pipelined_connection``.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

import hiredis
from redis.asyncio import Redis

from valetkey.storage.redis.client.multiplexer import Multiplexer


class PipeliningRedis(Redis):
    """Nothing changes for its callers: each command is sent once, answered by itself, or fails with its connection.

    Commands are no transaction: others may come between them. No command may wait for a key here (``BLPOP``).
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - whatever redis-py takes
        super().__init__(*arguments, **options)
        self._conversation: Multiplexer | None = None
        self._holding: set[asyncio.Task[None]] = set()

    async def execute_command(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - as in redis-py
        """The answer to this command."""
        if self.single_connection_client:
            return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        answer = await self._open_conversation().ask(_packed(args))
        # What redis-py's cache would look at.
        options.pop("keys", None)
        read = self.response_callbacks.get(args[0])
        return answer if read is None else read(answer, **options)

    async def aclose(self, close_connection_pool: bool | None = None) -> None:  # noqa: FBT001 - redis-py's
        """Close every connection. Callers that still wait are cancelled."""
        holding = list(self._holding)
        for task in holding:
            task.cancel()
        await asyncio.gather(*holding, return_exceptions=True)
        await super().aclose(close_connection_pool)

    def _open_conversation(self) -> Multiplexer:
        conversation = self._conversation
        if conversation is None or not conversation.is_open:
            pool = self.connection_pool
            conversation = self._conversation = Multiplexer(pool, pool.connection_kwargs["socket_timeout"])
            self._holding.add(conversation.task)
            conversation.task.add_done_callback(self._holding.discard)
        return conversation


def _packed(arguments: tuple[Any, ...]) -> bytes:
    # Some of redis-py's names are two words, and two arguments.
    name, *rest = arguments
    return cast("bytes", hiredis.pack_command((*name.split(), *rest) if " " in name else arguments))
