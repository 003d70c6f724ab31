"""The application: which route leads to which endpoint, and what it is made of."""

from collections.abc import AsyncIterator

from aiohttp import web

from valetkey.core import routes
from valetkey.core.ports.clock import Clock
from valetkey.runtime.http.app import HEALTH, create_app
from valetkey.runtime.http.routing import Handlers, cross_origin, public_routes
from valetkey.runtime.lifecycle.clock import system_clock
from valetkey.runtime.settings.settings import Settings
from valetkey.runtime.telemetry.tracing import Tracing
from valetkey.storage.stores import open_stores
from valetkey.token.revoke import revoke
from valetkey.token.service import SERVICE
from valetkey.token.stores import open_service
from valetkey.token.token import token

HANDLERS: Handlers = {routes.TOKEN: token, routes.REVOKE: revoke}


def create_token(settings: Settings, tracing: Tracing | None = None, *, clock: Clock = system_clock) -> web.Application:
    """The service that talks to clients. Its stores open when the application starts and close when it ends."""
    app = create_app(
        settings,
        routes=public_routes("token", settings.issuer_path, HANDLERS),
        tracing=tracing,
        cross_origin=cross_origin("token", settings.issuer_path),
    )

    async def service(app: web.Application) -> AsyncIterator[None]:
        waiting = app[HEALTH].waiting
        async with (
            open_stores(settings, "token", clock, waiting) as stores,
            open_service(settings, stores, clock, waiting) as opened,
        ):
            app[SERVICE] = opened
            yield

    app.cleanup_ctx.append(service)
    return app
