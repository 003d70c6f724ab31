"""Waiting for what becomes true within moments, such as news that travel by NOTIFY."""

import asyncio
from collections.abc import Awaitable, Callable

_SECONDS = 5.0
_PAUSE = 0.02


async def eventually(is_so: Callable[[], Awaitable[bool]], seconds: float = _SECONDS) -> None:
    """Ask again until it is so; an ``AssertionError`` after that, five seconds unless told."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not await is_so():
        assert asyncio.get_running_loop().time() < deadline, "it has not come to be so"
        await asyncio.sleep(_PAUSE)
