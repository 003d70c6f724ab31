"""The login page. Signs users in with user name or e-mail and password. OIDC Core §3.1.2.3."""

from dataclasses import replace
from uuid import uuid4

from aiohttp import web

from valetkey.authorize.browser.cookies import generate_secret
from valetkey.authorize.browser.csrf import require_own_origin
from valetkey.authorize.flow.complete import advance, refuse
from valetkey.authorize.flow.interaction import InteractionContext, form_action, open_interaction
from valetkey.authorize.login.credentials import Attempt, LoginRefused, check_credentials, ended_meanwhile
from valetkey.authorize.pages.models import Account, LoginError, LoginPage, SignedInPage
from valetkey.authorize.pages.response import page_response
from valetkey.authorize.pages.shown_client import shown_client
from valetkey.authorize.service import AUTHORIZE, AuthorizeService
from valetkey.core.authentication.result import ACR_PASSWORD, AMR_PASSWORD
from valetkey.core.authentication.session import Session
from valetkey.core.authentication.user import MAX_LOGIN_NAME_LENGTH, User, normalize_login_name
from valetkey.core.oauth.errors import AccessDenied
from valetkey.core.oauth.params import Params
from valetkey.core.oidc.interaction import Step, is_expected_subject
from valetkey.core.routes import LOGIN
from valetkey.runtime.http.address import address_group, client_address
from valetkey.runtime.http.forms import read_form, read_query
from valetkey.runtime.telemetry.tracing import current_trace_id

FORM = "login"
# Where a password may be right and refused.
_MAY_BE_RIGHT = (LoginError.CREDENTIALS, LoginError.TOO_MANY_ATTEMPTS)


async def show_login(request: web.Request) -> web.StreamResponse:
    """The login form, or whatever else is due; without an interaction, who is signed in."""
    service = request.app[AUTHORIZE]
    interaction_id = read_query(request).get("interaction")
    if interaction_id is None and (session := await service.find_session(request)) is not None:
        code = service.browser_codes.make(session.user.subject, service.clock())
        page = SignedInPage(account=account_of(session.user), browser_code=code)
        return page_response(service.pages.signed_in(page, reference=current_trace_id()))
    pending = await open_interaction(service, request, interaction_id)
    # A user who has to choose an account, or whose account will not do, may also sign in to another one.
    if pending.step not in (Step.LOGIN, Step.SELECT_ACCOUNT, Step.NOT_ALLOWED):
        return await advance(service, request, pending)
    return _form(service, pending, username=_first_name(pending))


async def log_in(request: web.Request) -> web.StreamResponse:
    """Check what was typed; the next step follows under a new session.

    Signing in never skips a step, so that it does not matter which one is due.
    """
    service = request.app[AUTHORIZE]
    require_own_origin(request.headers, service.settings.issuer_origin)
    form = await read_form(request)
    pending = await open_interaction(service, request, form.get("interaction"))
    service.csrf.require(form.get("csrf_token"), pending.browser, FORM, pending.interaction_id)
    if form.get("action") == "cancel":
        return await refuse(service, request, pending, AccessDenied("the user cancelled the login"))
    try:
        attempt = _attempt(service, request, pending, form)
        user = await check_credentials(service, attempt)
        return await _sign_in(service, request, pending, attempt, user)
    except LoginRefused as refusal:
        return _form(service, pending, username=form.get("username") or "", refusal=refusal)


def account_of(user: User) -> Account:
    """How pages show a user."""
    return Account(name=user.display_name, identifier=user.username)


def _attempt(service: AuthorizeService, request: web.Request, pending: InteractionContext, form: Params) -> Attempt:
    name, password = form.get("username"), form.get("password")
    if name is None or password is None:
        raise LoginRefused(LoginError.INCOMPLETE, 400)
    return Attempt(
        name=name,
        password=password,
        address=address_group(client_address(request, service.settings.trusted_proxies)),
        device=service.devices.parse(service.cookies.device(request)),
        client_id=pending.client.client_id,
        browser_code=form.get("browser_code"),
    )


async def _sign_in(
    service: AuthorizeService, request: web.Request, pending: InteractionContext, attempt: Attempt, user: User
) -> web.StreamResponse:
    session = Session(uuid4(), user, service.clock(), ACR_PASSWORD, (AMR_PASSWORD,))
    if not is_expected_subject(pending.interaction, session):
        raise LoginRefused(LoginError.OTHER_ACCOUNT, 403)
    begun = await _begin_session(service, request, pending, session)
    if begun is None:
        raise ended_meanwhile(attempt, user)
    session, secret = begun
    advanced = await pending.after_step(service, pending.interaction.logged_in(session.session_id), session)
    response = await advance(service, request, advanced)
    service.cookies.write_session(request, response, secret)
    device = service.devices.parse(service.cookies.device(request))
    service.cookies.write_device(request, response, str(service.devices.remember(device, user.subject)))
    return response


async def _begin_session(
    service: AuthorizeService, request: web.Request, pending: InteractionContext, session: Session
) -> tuple[Session, str] | None:
    """Store the session; the user's own one goes on, so that one client's ``prompt=login`` signs out no other.

    It has a new secret after every login: one that an attacker planted or learnt before is worth nothing afterwards.
    None where nothing is stored, because the user has ended since the password was read.
    """
    current, old_secret = pending.session, service.cookies.session_secret(request)
    if current is not None and old_secret is not None and current.user.subject == session.user.subject:
        renewed = replace(session, session_id=current.session_id)
        # Tabs that sign in at once end with one secret, whichever is stored and whichever answer arrives last.
        secret = service.next_secrets.make(old_secret)
        if await service.sessions.renew(secret, renewed):
            return renewed, secret
    secret = generate_secret()
    return (session, secret) if await service.sessions.create(secret, session, old_secret) else None


def _first_name(pending: InteractionContext) -> str:
    """What to fill in: who must prove it again, otherwise the ``login_hint``. OIDC Core §3.1.2.1."""
    if (session := _expected_again(pending)) is not None:
        return session.user.username
    hint = pending.interaction.request.login_hint or ""
    return hint if normalize_login_name(hint) is not None else ""


def _expected_again(pending: InteractionContext) -> Session | None:
    session = pending.session
    if session is None or pending.step is not Step.LOGIN or not is_expected_subject(pending.interaction, session):
        return None
    return session


def _code_page(service: AuthorizeService) -> str:
    """Where a signed-in browser shows a code, as people type it."""
    return f"{service.settings.issuer}{LOGIN.path}".partition("://")[2]


def _form(
    service: AuthorizeService, pending: InteractionContext, *, username: str, refusal: LoginRefused | None = None
) -> web.Response:
    again, shown = _expected_again(pending), shown_client(pending.client)
    page = LoginPage(
        form_action=form_action(service, LOGIN, pending.client),
        csrf_token=service.csrf.token(pending.browser, FORM, pending.interaction_id),
        interaction=pending.interaction_id,
        client_name=shown.name,
        logo_uri=shown.logo_uri,
        username=username[:MAX_LOGIN_NAME_LENGTH],
        error=None if refusal is None else refusal.shown,
        account=None if again is None else account_of(again.user),
        code_page=None if refusal is None or refusal.shown not in _MAY_BE_RIGHT else _code_page(service),
        is_limited=refusal is not None and refusal.shown is LoginError.TOO_MANY_ATTEMPTS,
    )
    html = service.pages.login(page, reference=current_trace_id())
    headers = {}
    if refusal is not None and refusal.retry_after is not None:
        headers["Retry-After"] = str(refusal.retry_after)
    status = 200 if refusal is None else refusal.status
    return page_response(html, status=status, leads_to_client=True, picture=shown.logo_uri, headers=headers)
