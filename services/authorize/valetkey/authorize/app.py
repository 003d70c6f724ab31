"""The application: which route leads to which endpoint."""

from collections.abc import AsyncIterator

from aiohttp import web

from valetkey.authorize.account.deletion import delete_account, show_deletion
from valetkey.authorize.account.email import change_email, show_email
from valetkey.authorize.account.email_links import EMAIL_LINKS
from valetkey.authorize.account.endpoint import change_account, show_account
from valetkey.authorize.account.enrolment import enrolment_page
from valetkey.authorize.account.export import export, show_export
from valetkey.authorize.account.password import set_password, show_new_password
from valetkey.authorize.account.profile import edit_profile, show_profile
from valetkey.authorize.account.recovery import ask_for_link, reset_password, show_recovery, show_reset
from valetkey.authorize.consent.endpoint import decide_consent, show_consent
from valetkey.authorize.flow.endpoint import authorize
from valetkey.authorize.flow.select_account import select_account, show_accounts
from valetkey.authorize.home import show_home
from valetkey.authorize.login.endpoint import log_in, show_login
from valetkey.authorize.login.enrolment import ENROLMENT_PAGE
from valetkey.authorize.login.second_factor import SECOND_FACTOR_PAGE
from valetkey.authorize.logout.endpoint import log_out
from valetkey.authorize.pages.failure_page import failure_renderer, shown_errors_middleware
from valetkey.authorize.pages.language import page_languages
from valetkey.authorize.pages.renderer import Pages
from valetkey.authorize.pages.static_file import static_file
from valetkey.authorize.pages.theme import Theme
from valetkey.authorize.service import AUTHORIZE
from valetkey.authorize.stores import open_service
from valetkey.core import routes
from valetkey.core.authentication.factor import Method
from valetkey.core.ports.clock import Clock
from valetkey.runtime.http.app import HEALTH, create_app
from valetkey.runtime.http.routing import Handlers, cross_origin, public_routes
from valetkey.runtime.lifecycle.clock import system_clock
from valetkey.runtime.settings.settings import Settings
from valetkey.runtime.telemetry.tracing import Tracing
from valetkey.storage.stores import open_stores

HANDLERS: Handlers = {
    routes.HOME: show_home,
    routes.AUTHORIZE: authorize,
    routes.LOGIN: {"GET": show_login, "POST": log_in},
    routes.SECOND_FACTOR: {"GET": SECOND_FACTOR_PAGE.get, "POST": SECOND_FACTOR_PAGE.post},
    routes.ENROL: {"GET": ENROLMENT_PAGE.get, "POST": ENROLMENT_PAGE.post},
    routes.SELECT_ACCOUNT: {"GET": show_accounts, "POST": select_account},
    routes.ACCOUNT: {"GET": show_account, "POST": change_account},
    routes.ACCOUNT_PASSWORD: {"GET": show_new_password, "POST": set_password},
    routes.ACCOUNT_TOTP: dict(zip(("GET", "POST"), enrolment_page(Method.TOTP, routes.ACCOUNT_TOTP), strict=True)),
    routes.ACCOUNT_PASSKEY: dict(
        zip(("GET", "POST"), enrolment_page(Method.PASSKEY, routes.ACCOUNT_PASSKEY), strict=True)
    ),
    routes.ACCOUNT_PROFILE: {"GET": show_profile, "POST": edit_profile},
    routes.ACCOUNT_EMAIL: {"GET": show_email, "POST": change_email},
    **{route: {"GET": show, "POST": press} for route, (show, press) in EMAIL_LINKS.items()},
    routes.ACCOUNT_EXPORT: {"GET": show_export, "POST": export},
    routes.ACCOUNT_DELETE: {"GET": show_deletion, "POST": delete_account},
    routes.RECOVER: {"GET": show_recovery, "POST": ask_for_link},
    routes.RECOVER_PASSWORD: {"GET": show_reset, "POST": reset_password},
    routes.CONSENT: {"GET": show_consent, "POST": decide_consent},
    routes.LOGOUT: log_out,
    routes.STATIC: static_file,
}


def create_authorize(
    settings: Settings, tracing: Tracing | None = None, *, clock: Clock = system_clock, demo: bool = False
) -> web.Application:
    """The service that talks to browsers. Its stores open when the application starts and close when it ends.

    ``demo`` puts a banner on every page. Raises ``ThemeError`` where the pages cannot be shown as settings say.
    """
    pages = create_pages(settings, demo=demo)
    app = create_app(
        settings,
        routes=public_routes("authorize", settings.issuer_path, HANDLERS),
        tracing=tracing,
        render=failure_renderer(pages),
        cross_origin=cross_origin("authorize", settings.issuer_path),
    )
    app.middlewares.append(shown_errors_middleware(pages))

    async def service(app: web.Application) -> AsyncIterator[None]:
        async with (
            open_stores(settings, "authorize", clock, app[HEALTH].waiting) as stores,
            open_service(settings, stores, pages, clock) as opened,
        ):
            app[AUTHORIZE] = opened
            yield

    app.cleanup_ctx.append(service)
    return app


def create_pages(settings: Settings, *, demo: bool = False) -> Pages:
    """The pages as settings want them. Raises ``ThemeError`` and ``CatalogueError`` where they cannot be."""
    theme = Theme(name=settings.theme_name, accent=settings.theme_colour, logo=settings.theme_logo)
    return Pages(
        theme,
        base_path=settings.issuer_path,
        directory=settings.templates_directory,
        demo=demo,
        languages=page_languages(settings),
    )
