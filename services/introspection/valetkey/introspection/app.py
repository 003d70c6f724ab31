"""The application: its endpoints, and what they are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from valetkey.introspection.routes import cross_origin, routes
from valetkey.introspection.service import SERVICE
from valetkey.introspection.stores import open_service
from valetkey.runtime.http.app import HEALTH, create_app
from valetkey.runtime.lifecycle.clock import system_clock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiohttp import web

    from valetkey.core.ports.clock import Clock
    from valetkey.runtime.settings.settings import Settings
    from valetkey.runtime.telemetry.tracing import Tracing


def create_introspection(
    settings: Settings, tracing: Tracing | None = None, *, clock: Clock = system_clock
) -> web.Application:
    """The service that talks to resource servers. Its stores open when the application starts, close when it ends."""
    app = create_app(
        settings, routes=routes(settings.issuer), tracing=tracing, cross_origin=cross_origin(settings.issuer)
    )

    async def service(app: web.Application) -> AsyncIterator[None]:
        async with open_service(settings, clock, app[HEALTH].waiting) as opened:
            app[SERVICE] = opened
            yield

    app.cleanup_ctx.append(service)
    return app
