"""The application: which route leads to which endpoint, and what it is made of."""

from collections.abc import AsyncIterator
from datetime import timedelta

from aiohttp import web

from valetkey.core import routes
from valetkey.core.ports.clock import Clock
from valetkey.runtime.http.app import HEALTH, create_app
from valetkey.runtime.http.routing import Handlers, cross_origin, public_routes
from valetkey.runtime.lifecycle.clock import system_clock
from valetkey.runtime.settings.settings import Settings
from valetkey.runtime.telemetry.tracing import Tracing
from valetkey.token.policy import TokenPolicy
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
        async with open_service(settings, policy_from(settings), clock, app[HEALTH].waiting) as opened:
            app[SERVICE] = opened
            yield

    app.cleanup_ctx.append(service)
    return app


def policy_from(settings: Settings) -> TokenPolicy:
    """The lifetimes that settings give in seconds."""
    return TokenPolicy(
        issuer=settings.issuer,
        authorization_code_lifetime=timedelta(seconds=settings.authorization_code_lifetime),
        access_token_lifetime=timedelta(seconds=settings.access_token_lifetime),
        id_token_lifetime=timedelta(seconds=settings.id_token_lifetime),
        refresh_token_lifetime=timedelta(seconds=settings.refresh_token_lifetime),
        refresh_token_idle_lifetime=timedelta(seconds=settings.refresh_token_idle_lifetime),
        refresh_grace=timedelta(seconds=settings.refresh_grace),
        rules=settings.installation_rules,
    )
