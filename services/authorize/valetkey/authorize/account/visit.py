"""Who visits the account page: a session, and for every change one that was proven a moment ago."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode

from valetkey.authorize.account.page_client import AGAIN
from valetkey.authorize.browser.cookies import Browser
from valetkey.authorize.browser.csrf import require_own_origin
from valetkey.authorize.flow.begin import begin
from valetkey.authorize.flow.next_step import next_step
from valetkey.authorize.login.due import RECENT
from valetkey.authorize.pages.account_models import AccountNews
from valetkey.authorize.pages.language import asked_tags
from valetkey.authorize.pages.response import not_by_head, page_response, see_other
from valetkey.authorize.pages.shown_error import CookieMissing
from valetkey.authorize.service import AUTHORIZE, AuthorizeService
from valetkey.core.authentication.acr import ACR_MFA, Enrolled, reaches, strength_of
from valetkey.core.authentication.session import Session, SignedIn
from valetkey.core.oauth.authorization_request import AuthorizationRequest, TrustedRedirect
from valetkey.core.oauth.params import Params
from valetkey.core.oauth.scope import OPENID
from valetkey.core.oidc.claims.request import ClaimsRequest
from valetkey.core.oidc.interaction import Interaction
from valetkey.core.routes import ACCOUNT, Route
from valetkey.runtime.http.forms import read_form, read_query

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp import web

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
    Visited = Callable[["Visit"], Awaitable[web.StreamResponse]]

FORM = "account"


class Visit(NamedTuple):
    """A user at the own account, by which methods that user signs in, and what was posted, not yet believed."""

    service: AuthorizeService
    request: web.Request
    session: Session
    enrolled: Enrolled
    posted: Params


async def visit(request: web.Request) -> Visit | None:
    """Who is signed in, None where there is no session."""
    service = request.app[AUTHORIZE]
    # What cannot be read is refused before anything is looked up.
    read_query(request)
    posted = await read_form(request) if request.method == "POST" else Params({})
    session = await service.find_session(request)
    if session is None:
        return None
    return Visit(service, request, session, await service.credentials.enrolled(session.user.subject), posted)


def is_recent(visited: Visit) -> bool:
    """Whether all that the user has set up was proven a moment ago, so that no browser left open changes anything."""
    now = visited.service.clock()
    young = [factor for factor in visited.session.factors if now - factor.at <= RECENT]
    strength = strength_of(young)
    return strength is not None and reaches(strength.acr, visited.enrolled.own_acr)


async def sign_in_first(request: web.Request, route: Route, visited: Visit | None) -> web.StreamResponse:
    """To the login, by everything that the user has set up, and back to a page of the account."""
    service = request.app[AUTHORIZE]
    if request.method == "HEAD":
        return not_by_head()
    if request.method == "POST":
        require_own_origin(request.headers, service.settings.issuer_origin)
    again = visited is not None and request.method == "POST" and route is ACCOUNT
    levels = () if visited is None or visited.enrolled.own_acr != ACR_MFA else (ACR_MFA,)
    asked = AuthorizationRequest(
        client_id=service.account.client_id,
        redirect=TrustedRedirect(f"{service.settings.issuer}{AGAIN if again else route.path}", "query", None),
        scope=(OPENID,),
        resources=(),
        code_challenge="",
        max_age=int(RECENT.total_seconds()),
        claims=ClaimsRequest(essential_acr=levels),
        ui_locales=asked_tags(request),
    )
    interaction = Interaction(asked, service.account.uid, browser=b"", created_at=service.clock())
    signed_in = None if visited is None else SignedIn(visited.session, None)
    step, _ = await next_step(service, interaction, service.account, signed_in, await service.catalog.get())
    return await begin(service, request, interaction, step, service.account)


def shown_at(route: Route) -> Callable[[Visited], Handler]:
    """A page of the account; a login first where the last one was not a moment ago."""

    def decorate(show: Visited) -> Handler:
        @wraps(show)
        async def handle(request: web.Request) -> web.StreamResponse:
            visited = await visit(request)
            if visited is None or not is_recent(visited):
                return await sign_in_first(request, route, visited)
            return await show(visited)

        return handle

    return decorate


def changed_at(route: Route) -> Callable[[Visited], Handler]:
    """What is posted to it, once it is believed: from our page in this browser, after a login of a moment ago."""

    def decorate(change: Visited) -> Handler:
        @wraps(change)
        async def handle(request: web.Request) -> web.StreamResponse:
            visited = await visit(request)
            if visited is None:
                return await sign_in_first(request, route, None)
            _require_form(visited)
            if not is_recent(visited):
                return await sign_in_first(request, route, visited)
            return await change(visited)

        return handle

    return decorate


def _require_form(visited: Visit) -> None:
    """Raise ``FormRefused`` unless this was posted from our page in this browser to this session."""
    service, request, form = visited.service, visited.request, visited.posted
    require_own_origin(request.headers, service.settings.issuer_origin)
    browsers = service.cookies.browsers(request)
    if not browsers:
        raise CookieMissing("there is no binding cookie")
    service.csrf.require_any(form.get("csrf_token"), browsers, FORM, str(visited.session.session_id))


def account_response(
    visited: Visit,
    browser: Browser,
    html: str,
    status: int = 200,
    *,
    retry_after: int | None = None,
    runs_script: bool = False,
) -> web.Response:
    """A page of the account, bound to this browser."""
    response = page_response(html, status=status, retry_after=retry_after, runs_script=runs_script)
    if visited.request.method != "HEAD":
        visited.service.cookies.write_browser(visited.request, response, browser)
    return response


def browser_of(visited: Visit) -> Browser:
    """What forms of the account are bound to."""
    return visited.service.cookies.browser(visited.request) or Browser.generate()


def form_token(visited: Visit, browser: Browser) -> str:
    """The token of every form of the account."""
    return visited.service.csrf.token(browser, FORM, str(visited.session.session_id))


def back_with(visited: Visit, news: AccountNews) -> web.Response:
    """To the account page, which says what was done."""
    return see_other(f"{visited.service.path(ACCOUNT)}?{urlencode({'news': news.name.lower()})}")
