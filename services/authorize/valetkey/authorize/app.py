"""The application: which address leads to which endpoint. No script of another origin may call any of them."""

from collections.abc import AsyncIterator

from aiohttp import web

from valetkey.authorize.consent.endpoint import decide_consent, show_consent
from valetkey.authorize.flow.endpoint import authorize
from valetkey.authorize.flow.select_account import select_account, show_accounts
from valetkey.authorize.login.endpoint import log_in, show_login
from valetkey.authorize.logout.endpoint import log_out
from valetkey.authorize.pages.failure_page import failure_renderer, shown_errors_middleware
from valetkey.authorize.pages.renderer import Pages
from valetkey.authorize.pages.static_file import static_file
from valetkey.authorize.pages.theme import Theme
from valetkey.authorize.service import AUTHORIZE
from valetkey.authorize.stores import open_service
from valetkey.core.ports.clock import Clock
from valetkey.runtime.http.app import HEALTH, create_app
from valetkey.runtime.lifecycle.clock import system_clock
from valetkey.runtime.settings.settings import Settings
from valetkey.runtime.telemetry.tracing import Tracing


def create_authorize(
    settings: Settings, tracing: Tracing | None = None, *, clock: Clock = system_clock, demo: bool = False
) -> web.Application:
    """The service that talks to browsers. Its stores open when the application starts and close when it ends.

    ``demo`` puts a banner on every page. Raises ``ThemeError`` where the pages cannot be shown as settings say.
    """
    theme = Theme(name=settings.theme_name, accent=settings.theme_colour, logo=settings.theme_logo)
    pages = Pages(theme, base_path=settings.issuer_path, directory=settings.templates_directory, demo=demo)
    app = create_app(settings, routes=_routes(settings.issuer_path), tracing=tracing, render=failure_renderer(pages))
    app.middlewares.append(shown_errors_middleware(pages))

    async def stores(app: web.Application) -> AsyncIterator[None]:
        async with open_service(settings, pages, clock, app[HEALTH].waiting) as service:
            app[AUTHORIZE] = service
            yield

    app.cleanup_ctx.append(stores)
    return app


def _routes(base: str) -> list[web.RouteDef]:
    # HEAD is no GET here: what looks harmless would sign in, issue codes and sign out.
    return [
        web.get(f"{base}/authorize", authorize, allow_head=False),
        web.post(f"{base}/authorize", authorize),
        web.get(f"{base}/login", show_login, allow_head=False),
        web.post(f"{base}/login", log_in),
        web.get(f"{base}/select-account", show_accounts, allow_head=False),
        web.post(f"{base}/select-account", select_account),
        web.get(f"{base}/consent", show_consent, allow_head=False),
        web.post(f"{base}/consent", decide_consent),
        web.get(f"{base}/logout", log_out, allow_head=False),
        web.post(f"{base}/logout", log_out),
        web.get(f"{base}/static/{{name}}", static_file),
    ]
