"""The application's routes, and what guards them."""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator, Mapping
from ssl import SSLContext

from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector, web
from aiohttp.typedefs import Handler, Middleware
from multidict import MultiMapping

from valetkey.demo.own_application import REGISTER
from valetkey.demo.relying_party.actions import NotSignedInError, Privileges, Tour, tokens_from
from valetkey.demo.relying_party.config import RelyingPartyConfig
from valetkey.demo.relying_party.exchange import Exchange
from valetkey.demo.relying_party.id_token import IdTokenError
from valetkey.demo.relying_party.issuer import Issuer, IssuerUnusableError
from valetkey.demo.relying_party.login import Login, LoginRefusedError, with_query
from valetkey.demo.relying_party.session import COOKIE, Sessions, TourSession
from valetkey.demo.relying_party.steps import ACTIONS, SIGN_IN, SIGN_OUT, TOKENS
from valetkey.demo.relying_party.view import exchange_view, step_views, token_views
from valetkey.demo.web_page import STATIC_PATHS, render_page, static_routes

_TIMEOUT = ClientTimeout(total=15)
_MOST_BYTES = 16_384
_TOUR = web.AppKey("tour", Tour)
_SESSIONS = web.AppKey("sessions", Sessions)
_SESSION = web.RequestKey("session", TourSession)


def create_relying_party(
    config: RelyingPartyConfig, privileges: Privileges, trust: SSLContext | None = None
) -> web.Application:
    """The application at ``config.base_url``; ``trust`` is for an issuer with a certificate of its own."""

    async def tour(app: web.Application) -> AsyncIterator[None]:
        connector = TCPConnector(ssl=trust or True)
        async with ClientSession(timeout=_TIMEOUT, cookie_jar=DummyCookieJar(), connector=connector) as http:
            app[_TOUR] = Tour(config, Issuer(config, http), http, privileges)
            yield

    app = web.Application(middlewares=[_own_host(config.host), _own_session], client_max_size=_MOST_BYTES)
    app[_SESSIONS] = Sessions()
    app.cleanup_ctx.append(tour)
    app.add_routes(
        [
            web.get("/", _home),
            web.get("/callback", _callback),
            web.get("/signed-out", _signed_out),
            web.get("/spa/callback", _spa_callback),
            web.post(f"/{SIGN_IN}", _sign_in),
            web.post(f"/{SIGN_OUT}", _sign_out),
            web.post("/step/{action}", _act),
            *static_routes(),
        ]
    )
    return app


def _own_host(host: str) -> Middleware:
    """Refuses requests for another host name: an attacker may point one at this machine (DNS rebinding)."""

    @web.middleware
    async def own_host(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.host != host:
            raise web.HTTPMisdirectedRequest(text=f"This is {host}.\n")
        return await handler(request)

    return own_host


@web.middleware
async def _own_session(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every page has a session; every form must have come from a page of the same session."""
    sessions, cookie = request.app[_SESSIONS], request.cookies.get(COOKIE)
    session = sessions.find(cookie)
    if request.method == "POST":
        form = await request.post()
        if session is None or not hmac.compare_digest(str(form.get("csrf_token", "")).encode(), _csrf(session)):
            raise web.HTTPForbidden(text="This form is no longer current. Go back to the start page and try again.\n")
    request[_SESSION] = session or TourSession()
    response = await handler(request)
    if session is None and request.path not in STATIC_PATHS:
        _keep(response, sessions.begin(request[_SESSION]))
    return response


async def _home(request: web.Request) -> web.Response:
    session, config = request[_SESSION], request.app[_TOUR].config
    return render_page(
        "tour.html",
        {
            "config": config,
            "session": session,
            "steps": step_views(session),
            "tokens": token_views(session.tokens),
            "commands": REGISTER,
        },
        form_action=config.issuer_origin,
    )


async def _sign_in(request: web.Request) -> web.Response:
    session, tour = request[_SESSION], request.app[_TOUR]
    session.login = Login()
    session.problem = ""
    try:
        endpoint = await tour.issuer.endpoint("authorization_endpoint")
    except IssuerUnusableError as error:
        session.problem = str(error)
        return _see_other(f"/#{SIGN_IN}")
    return _see_other(with_query(endpoint, session.login.parameters(tour.config)))


async def _callback(request: web.Request) -> web.Response:
    session = request[_SESSION]
    session.problem = ""
    try:
        await _finish_sign_in(request.app[_TOUR], session, request.query)
    except (LoginRefusedError, IdTokenError, IssuerUnusableError) as error:
        session.problem = str(error)
        return _see_other(f"/#{SIGN_IN}")
    # A new session at sign-in: an attacker who knew the old cookie must not share it (session fixation).
    response = _see_other(f"/#{TOKENS}")
    _keep(response, request.app[_SESSIONS].begin(session, replaced=request.cookies.get(COOKIE)))
    return response


async def _finish_sign_in(tour: Tour, session: TourSession, query: MultiMapping[str]) -> None:
    login, session.login = session.login, None
    session.latest = SIGN_IN
    if login is None:
        raise LoginRefusedError("No sign-in was under way in this browser, so the answer was ignored.")
    if any(len(query.getall(name)) > 1 for name in query):
        raise LoginRefusedError("The answer repeats a parameter, so it was ignored.")
    code = login.require_code(query, tour.config.issuer)
    answer = await tour.issuer.redeem(code, login)
    session.results = {SIGN_IN: [await _browser_trip(tour, login, query), answer]}
    if not answer.is_ok:
        raise LoginRefusedError("The code was not redeemed.")
    session.tokens = await tokens_from(tour, answer, login.nonce)
    session.name, session.is_revoked = "", False
    session.latest = TOKENS


async def _browser_trip(tour: Tour, login: Login, query: Mapping[str, str]) -> Exchange:
    """What went through the browser, as if it had been one request and its answer."""
    return Exchange(
        "GET",
        await tour.issuer.endpoint("authorization_endpoint"),
        form=login.parameters(tour.config),
        status=303,
        body=dict(query),
        note="Your browser went there and came back with this. The trace id was on Valetkey's own pages.",
    )


async def _act(request: web.Request) -> web.Response:
    session, tour = request[_SESSION], request.app[_TOUR]
    step, action = ACTIONS.get(request.match_info["action"], ("", None))
    if action is None:
        raise web.HTTPNotFound(text="There is no such step.\n")
    form = {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
    session.problem, session.latest = "", step
    try:
        session.results[step] = await action(tour, session, form)
    except NotSignedInError:
        session.problem = "Sign in first."
        return _see_other(f"/#{SIGN_IN}")
    except IssuerUnusableError as error:
        session.problem = str(error)
        return _see_other(f"/#{SIGN_IN}")
    return _see_other(f"/#{step}")


async def _sign_out(request: web.Request) -> web.Response:
    session, tour = request[_SESSION], request.app[_TOUR]
    tokens, session.tokens = session.tokens, None
    session.results, session.problem, session.name = {}, "", ""
    if tokens is None:
        return _see_other(f"/#{SIGN_IN}")
    session.logout_state = Login().state
    try:
        if tokens.refresh_token and not session.is_revoked:
            session.results = {SIGN_OUT: [await tour.issuer.revoke(tokens.refresh_token)]}
        endpoint = await tour.issuer.endpoint("end_session_endpoint")
    except IssuerUnusableError as error:
        session.problem = str(error)
        return _see_other(f"/#{SIGN_IN}")
    parameters = (
        ("id_token_hint", tokens.id_token),
        ("post_logout_redirect_uri", tour.config.post_logout_redirect_uri),
        ("state", session.logout_state),
    )
    return _see_other(with_query(endpoint, parameters))


async def _signed_out(request: web.Request) -> web.Response:
    session = request[_SESSION]
    state, session.logout_state = session.logout_state, ""
    is_ours = bool(state) and hmac.compare_digest(request.query.get("state", "").encode(), state.encode())
    exchanges = [exchange_view(each) for each in session.results.pop(SIGN_OUT, ())]
    return render_page("signed_out.html", {"is_ours": is_ours, "exchanges": exchanges})


async def _spa_callback(request: web.Request) -> web.Response:
    return render_page("spa_callback.html", {"error": "error" in request.query})


def _csrf(session: TourSession) -> bytes:
    return session.csrf_token.encode()


def _keep(response: web.StreamResponse, cookie: str) -> None:
    response.set_cookie(COOKIE, cookie, httponly=True, samesite="Lax", path="/")


def _see_other(url: str) -> web.Response:
    return web.Response(status=303, headers={"Location": url})
