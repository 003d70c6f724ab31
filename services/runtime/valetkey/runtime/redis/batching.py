"""A client that sends the commands of many requests in one go.

A command of its own costs redis-py, and us, far more than Redis: most of it is taking a connection, one write and one
read. So whatever is asked for in one turn of the event loop, or while others are out, goes together.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from valetkey.runtime.batches import Batches

# One that is slow to be answered must not keep the next one waiting.
_AT_ONCE = 2


class _Command(NamedTuple):
    arguments: tuple[Any, ...]
    options: dict[str, Any]


class BatchingRedis(Redis):
    """Nothing changes for its callers: each command is sent once, answered by itself, or fails with its connection.

    Commands of one batch are no transaction: others may come between them. Nobody may wait for a key here (``BLPOP``).
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - whatever redis-py takes
        super().__init__(*arguments, **options)
        self._batches: Batches[_Command, Any] = Batches(self._send, at_once=_AT_ONCE)

    async def execute_command(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - as in redis-py
        """The answer to this command."""
        if self.single_connection_client:
            return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        return await self._batches.ask(_Command(args, options))

    async def aclose(self, close_connection_pool: bool | None = None) -> None:  # noqa: FBT001 - redis-py's
        """Close every connection."""
        await self._batches.aclose()
        await super().aclose(close_connection_pool)

    async def _send(self, commands: Sequence[_Command]) -> Sequence[Any]:
        if len(commands) == 1:
            # Where little goes on, a command is alone, and costs a fifth less without a pipeline.
            return [await self._send_one(commands[0])]
        async with self.pipeline(transaction=False) as pipe:
            for command in commands:
                pipe.execute_command(*command.arguments, **command.options)
            return await pipe.execute(raise_on_error=False)

    async def _send_one(self, command: _Command) -> Any:  # noqa: ANN401 - as in redis-py
        try:
            return await super().execute_command(*command.arguments, **command.options)  # type: ignore[no-untyped-call]
        except ResponseError as error:
            return error
