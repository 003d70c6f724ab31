"""The innermost middleware: refuses requests while the process is not ready or has as many as it can serve."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from valetkey.core.oauth.errors import TemporarilyUnavailable

if TYPE_CHECKING:
    from valetkey.runtime.http.limits.in_flight import InFlight
    from valetkey.runtime.lifecycle.readiness import ReadinessChecks

RETRY_AFTER = 5  # seconds


def gate_middleware(waiting: ReadinessChecks, in_flight: InFlight) -> Middleware:
    """Answers 503 with ``Retry-After``, instead of failing in the middle of a request or queueing without end."""

    @web.middleware
    async def gate(request: web.Request, handler: Handler) -> web.StreamResponse:
        if reason := waiting.reason:
            raise TemporarilyUnavailable(f"waiting: {reason}", RETRY_AFTER)
        if in_flight.count >= in_flight.limit:
            raise in_flight.refuse()
        in_flight.count += 1
        try:
            return await handler(request)
        finally:
            in_flight.count -= 1

    return gate
