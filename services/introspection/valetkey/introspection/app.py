"""The application: which route leads to which endpoint, and what it is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from valetkey.core import routes
from valetkey.introspection import endpoints
from valetkey.introspection.service import SERVICE
from valetkey.introspection.stores import open_service
from valetkey.runtime.http.app import HEALTH, create_app
from valetkey.runtime.http.routing import Handlers, cross_origin, public_routes
from valetkey.runtime.lifecycle.clock import system_clock
from valetkey.storage.stores import open_stores

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiohttp import web

    from valetkey.core.ports.clock import Clock
    from valetkey.runtime.settings.settings import Settings
    from valetkey.runtime.telemetry.tracing import Tracing

HANDLERS: Handlers = {
    routes.INTROSPECT: endpoints.introspect,
    routes.USERINFO: endpoints.userinfo,
    routes.JWKS: endpoints.jwks,
    routes.AUTHORIZATION_SERVER: endpoints.metadata,
    routes.OPENID_CONFIGURATION: endpoints.metadata,
    routes.PASSKEY_ENDPOINTS: endpoints.passkey_endpoints,
    routes.CHANGE_PASSWORD: endpoints.change_password,
}


def create_introspection(
    settings: Settings, tracing: Tracing | None = None, *, clock: Clock = system_clock
) -> web.Application:
    """The service that talks to resource servers. Its stores open when the application starts, close when it ends."""
    app = create_app(
        settings,
        routes=public_routes("introspection", settings.issuer_path, HANDLERS),
        tracing=tracing,
        cross_origin=cross_origin("introspection", settings.issuer_path),
    )

    async def service(app: web.Application) -> AsyncIterator[None]:
        waiting = app[HEALTH].waiting
        async with (
            open_stores(settings, "introspection", clock, waiting) as stores,
            open_service(settings, stores, clock, waiting) as opened,
        ):
            app[SERVICE] = opened
            yield

    app.cleanup_ctx.append(service)
    return app
