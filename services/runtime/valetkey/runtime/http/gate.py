"""The innermost middleware: while the process waits for what it needs, nobody gets further."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from valetkey.core.errors import TemporarilyUnavailable

if TYPE_CHECKING:
    from valetkey.runtime.waiting import Waiting

RETRY_AFTER = 5  # seconds


def gate_middleware(waiting: Waiting) -> Middleware:
    """Answers 503 and when to come again, instead of failing in the middle of something."""

    @web.middleware
    async def gate(request: web.Request, handler: Handler) -> web.StreamResponse:
        if reason := waiting.reason:
            raise TemporarilyUnavailable(f"waiting: {reason}", RETRY_AFTER)
        return await handler(request)

    return gate
