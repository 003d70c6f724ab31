"""One application that answers every public route, over one set of stores."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from valetkey.authorize import app as authorize
from valetkey.authorize.pages.failure_page import failure_renderer, shown_errors_middleware
from valetkey.authorize.service import AUTHORIZE
from valetkey.authorize.stores import open_service as open_authorize
from valetkey.core.routes import FALLBACK, service_of
from valetkey.introspection import app as introspection
from valetkey.introspection.service import SERVICE as INTROSPECTION
from valetkey.introspection.stores import open_service as open_introspection
from valetkey.mailer.app import create_templates, open_worker
from valetkey.runtime.http.app import HEALTH, create_app
from valetkey.runtime.http.errors import render_json
from valetkey.runtime.http.routing import cross_origin, public_routes
from valetkey.runtime.lifecycle.clock import system_clock
from valetkey.storage.stores import open_stores
from valetkey.token import app as token
from valetkey.token.service import SERVICE as TOKEN
from valetkey.token.stores import open_service as open_token

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiohttp import web

    from valetkey.core.ports.clock import Clock
    from valetkey.runtime.http.errors import Failure, FailureRenderer
    from valetkey.runtime.settings.settings import Settings
    from valetkey.runtime.telemetry.tracing import Tracing

_HANDLERS = {
    "authorize": authorize.HANDLERS,
    "token": token.HANDLERS,
    "introspection": introspection.HANDLERS,
}


def create_compact(
    settings: Settings, tracing: Tracing | None = None, *, clock: Clock = system_clock
) -> web.Application:
    """All services. Their stores open when the application starts and close when it ends.

    Raises ``ThemeError`` where the pages cannot be shown as settings say, ``MailTemplateError`` where mails cannot.
    """
    base, pages = settings.issuer_path, authorize.create_pages(settings)
    app = create_app(
        settings,
        routes=[route for service, handlers in _HANDLERS.items() for route in public_routes(service, base, handlers)],
        tracing=tracing,
        render=_pages_or_json(failure_renderer(pages), base),
        cross_origin={path: ways for service in _HANDLERS for path, ways in cross_origin(service, base).items()},
    )
    app.middlewares.append(shown_errors_middleware(pages))
    mails = create_templates(settings) if settings.mail_host else None

    async def services(app: web.Application) -> AsyncIterator[None]:
        waiting = app[HEALTH].waiting
        async with AsyncExitStack() as stack:
            stores = await stack.enter_async_context(open_stores(settings, "compact", clock, waiting))
            app[AUTHORIZE] = await stack.enter_async_context(open_authorize(settings, stores, pages, clock))
            app[TOKEN] = await stack.enter_async_context(open_token(settings, stores, clock, waiting))
            app[INTROSPECTION] = await stack.enter_async_context(open_introspection(settings, stores, clock, waiting))
            if mails is not None:
                await stack.enter_async_context(open_worker(settings, stores.database, mails, clock))
            yield

    app.cleanup_ctx.append(services)
    return app


def _pages_or_json(pages: FailureRenderer, base: str) -> FailureRenderer:
    """A failure as the service of its path shows it; what is no route of ours is a page, as behind every front door."""

    async def render(request: web.Request, failure: Failure) -> web.StreamResponse:
        is_page = service_of(request.path, base) == FALLBACK
        return await (pages if is_page else render_json)(request, failure)

    return render
