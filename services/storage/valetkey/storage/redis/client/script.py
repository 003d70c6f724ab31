"""Lua scripts: what has to happen in Redis in one step."""

import hashlib
from collections.abc import Awaitable, Sequence
from typing import cast

from redis.asyncio import Redis
from redis.exceptions import NoScriptError

Argument = bytes | str | int


class Script:
    """A script, sent as its SHA-1; a server that has forgotten it gets the whole text."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._sha1 = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()

    async def run(self, redis: Redis, keys: Sequence[str], arguments: Sequence[Argument]) -> object:
        """The script's answer. A server that lacks the script has done nothing, so sending it again is safe."""
        parts = (*keys, *arguments)
        try:
            return await cast("Awaitable[object]", redis.evalsha(self._sha1, len(keys), *parts))
        except NoScriptError:
            return await cast("Awaitable[object]", redis.eval(self._source, len(keys), *parts))
