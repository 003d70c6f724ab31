"""The end session endpoint. OpenID Connect RP-Initiated Logout 1.0."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from aiohttp import web

from valetkey.authorize.browser.cookies import Browser
from valetkey.authorize.browser.cross_site_post import location_with_cookies
from valetkey.authorize.browser.csrf import require_own_origin
from valetkey.authorize.flow.id_token_hint import read_hint, unproven_audience
from valetkey.authorize.logout.form import LogoutForm
from valetkey.authorize.pages.language import note_asked, with_language
from valetkey.authorize.pages.models import LoggedOutPage, LogoutPage, SignedInPage, account_of
from valetkey.authorize.pages.response import page_response, see_other
from valetkey.authorize.pages.shown_error import CookieMissing
from valetkey.authorize.service import AUTHORIZE, AuthorizeService
from valetkey.core.authentication.session import Session
from valetkey.core.client.client import Client
from valetkey.core.jose.verify_own import require_unexpired
from valetkey.core.oauth.errors import InvalidRequest, InvalidToken
from valetkey.core.oauth.params import Params
from valetkey.core.oidc.logout import LogoutRequest, hinted_client_id, parse_logout_request, post_logout_location
from valetkey.core.routes import LOGOUT
from valetkey.runtime.http.address import caller_address
from valetkey.runtime.http.forms import read_form, read_query
from valetkey.runtime.telemetry import audit
from valetkey.runtime.telemetry.tracing import current_trace_id

FORM = "logout"


async def log_out(request: web.Request) -> web.StreamResponse:
    """End session endpoint: GET, POST, and HEAD, which ends nothing; the answer to our own question comes here too."""
    service = request.app[AUTHORIZE]
    if request.method != "POST":
        return await _logout(service, request, read_query(request))
    form = await read_form(request)
    if "csrf_token" in form:
        return await _answered(service, request, form)
    again = location_with_cookies(service, request, form, LOGOUT)
    return await _logout(service, request, form) if again is None else see_other(again)


async def _logout(service: AuthorizeService, request: web.Request, params: Params) -> web.StreamResponse:
    """A client's request: done at once where the hint proves that it speaks of this session, otherwise a question."""
    note_asked(request, params)
    asked = parse_logout_request(params)
    hint = _read_hint(service, asked.id_token_hint)
    client_id = _named_client(asked) if hint is None else hinted_client_id(hint, asked.client_id)
    client = await _find_client(service, client_id)
    if client is None and hint is None and asked.id_token_hint is not None:
        # Nothing tells whose the address is. To refuse would leave the user signed in.
        asked = replace(asked, post_logout_redirect_uri=None)
    location = post_logout_location(asked, client)
    session = await service.find_session(request)
    if session is None:
        return await _without_session(service, request, hint, client, location)
    if hint is not None and _speaks_of(hint, session, service):
        return await _end(service, request, session, client, location)
    form = LogoutForm(client_id, asked.post_logout_redirect_uri, asked.state)
    return _question(service, request, session, client, form)


async def _answered(service: AuthorizeService, request: web.Request, form: Params) -> web.StreamResponse:
    require_own_origin(request.headers, service.settings.issuer_origin)
    session = await service.find_session(request)
    if session is None:
        # Signed out in another tab since: there is nothing that a forged answer could do.
        return _nothing_ended(service, request, None, None)
    browsers = service.cookies.browsers(request)
    if not browsers:
        raise CookieMissing("there is no binding cookie")
    carried = form.get("interaction") or ""
    service.csrf.require_any(form.get("csrf_token"), browsers, FORM, carried, str(session.session_id))
    asked = LogoutForm.parse(carried).request
    client = await _find_client(service, asked.client_id)
    match form.get("action"):
        case "logout":
            return await _end(service, request, session, client, post_logout_location(asked, client))
        case "stay":
            page = SignedInPage(account=account_of(session.user))
            return page_response(service.pages.signed_in(page, reference=current_trace_id()))
        case _:
            raise InvalidRequest("the form says neither logout nor stay")


def _read_hint(service: AuthorizeService, token: str | None) -> Mapping[str, object] | None:
    """The claims of the hint; a hint that is not ours proves nothing, so that the user is asked. Logout §2, §4."""
    if token is None:
        return None
    try:
        return read_hint(token, service.keys.key_set, service.settings.issuer)
    except InvalidToken:
        return None


def _named_client(asked: LogoutRequest) -> str | None:
    """The client that a request names; its hint is not proven, and says no more than ``client_id`` does."""
    return asked.client_id or (None if asked.id_token_hint is None else unproven_audience(asked.id_token_hint))


async def _without_session(
    service: AuthorizeService,
    request: web.Request,
    hint: Mapping[str, object] | None,
    client: Client | None,
    location: str | None,
) -> web.StreamResponse:
    """No user is signed in in this browser. A proven and unexpired hint ends the session that it names elsewhere.

    The client is led on where the session that it means is over, now or before. Otherwise the page says that nothing
    has ended, which a redirect could not.
    """
    if hint is None or "sid" not in hint:
        return _nothing_ended(service, request, client, location)
    session_id, now, is_ended = UUID(str(hint["sid"])), service.clock(), False
    if not _is_unexpired(hint, service):
        if await service.sessions.find_subject(session_id, now) is not None:
            return _nothing_ended(service, request, client, location)
    elif request.method != "HEAD":
        is_ended = await service.sessions.end(session_id, now)
    if is_ended:
        _record(client, str(hint.get("sub", "")), str(session_id))
    return _answer(service, request, client, location, nothing_ended=not is_ended)


def _nothing_ended(
    service: AuthorizeService, request: web.Request, client: Client | None, location: str | None
) -> web.StreamResponse:
    """The page that says so, from which the user goes on by hand."""
    return _answer(service, request, client, None, nothing_ended=True, continue_uri=location)


def _is_unexpired(hint: Mapping[str, object], service: AuthorizeService) -> bool:
    try:
        require_unexpired(hint, service.clock())
    except InvalidToken:
        return False
    return True


def _speaks_of(hint: Mapping[str, object], session: Session, service: AuthorizeService) -> bool:
    """Whether the hint is about this very session, and not expired: an old one may have leaked."""
    return (
        _is_unexpired(hint, service)
        and hint.get("sid") == str(session.session_id)
        and hint.get("sub") == session.user.sub
    )


async def _find_client(service: AuthorizeService, client_id: str | None) -> Client | None:
    client = None if client_id is None else await service.clients.find(client_id)
    return client if client is not None and client.enabled else None


async def _end(
    service: AuthorizeService,
    request: web.Request,
    session: Session,
    client: Client | None,
    location: str | None,
) -> web.StreamResponse:
    if request.method != "HEAD":
        await service.sessions.end(session.session_id, service.clock())
        _record(client, session.user.sub, str(session.session_id), session.strength.amr)
    return _answer(service, request, client, location, nothing_ended=False)


def _record(client: Client | None, subject: str, session_id: str, amr: Sequence[str] = ()) -> None:
    audit.emit(
        audit.AuditEvent(
            type="logout",
            outcome="success",
            subject=subject,
            client_id="" if client is None else client.client_id,
            amr=tuple(amr),
            session_id=session_id,
            address=caller_address(),
        )
    )


def _answer(
    service: AuthorizeService,
    request: web.Request,
    client: Client | None,
    location: str | None,
    *,
    nothing_ended: bool,
    continue_uri: str | None = None,
) -> web.StreamResponse:
    """Back to the client, or our page; ``nothing_ended`` where no session has ended."""
    response = see_other(location) if location is not None else None
    if response is None:
        page = LoggedOutPage(
            client_name=None if client is None else client.client_name,
            client_uri=None if client is None else client.client_uri,
            continue_uri=continue_uri,
            nothing_ended=nothing_ended,
        )
        response = page_response(service.pages.logged_out(page, reference=current_trace_id()))
    # Without a session there is nothing to forget, and a link on another site must not stop a login in progress.
    if request.method != "HEAD" and service.cookies.session_secret(request) is not None:
        service.cookies.sign_out(request, response)
    return response


def _question(
    service: AuthorizeService, request: web.Request, session: Session, client: Client | None, form: LogoutForm
) -> web.StreamResponse:
    browser = service.cookies.browser(request) or Browser.generate()
    page = LogoutPage(
        form_action=with_language(service.path(LOGOUT)),
        csrf_token=service.csrf.token(browser, FORM, str(form), str(session.session_id)),
        interaction=str(form),
        account=account_of(session.user),
        client_name=None if client is None else client.client_name,
    )
    html = service.pages.logout(page, reference=current_trace_id())
    response = page_response(html, leads_to_client=form.post_logout_redirect_uri is not None)
    if request.method != "HEAD":
        service.cookies.write_browser(request, response, browser)
    return response
