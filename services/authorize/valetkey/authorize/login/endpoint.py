"""The login page. Signs users in with user name or e-mail and password, or by a passkey. OIDC Core §3.1.2.3."""

from aiohttp import web

from valetkey.authorize.browser.csrf import require_own_origin
from valetkey.authorize.flow.complete import advance, refuse
from valetkey.authorize.flow.interaction import InteractionContext, form_action, open_interaction
from valetkey.authorize.login.credentials import Attempt, LoginRefused, check_credentials, ended_meanwhile
from valetkey.authorize.login.passkey_sign_in import check_passkey
from valetkey.authorize.login.sign_in import Proof, go_on_with
from valetkey.authorize.pages.language import with_language
from valetkey.authorize.pages.models import LoginError, LoginPage, SignedInPage, account_of
from valetkey.authorize.pages.response import page_response
from valetkey.authorize.pages.shown_client import shown_client
from valetkey.authorize.service import AUTHORIZE, AuthorizeService
from valetkey.core.authentication.factor import Factor, Method
from valetkey.core.authentication.session import Session
from valetkey.core.authentication.user import MAX_LOGIN_NAME_LENGTH, normalize_login_name
from valetkey.core.oauth.errors import AccessDenied
from valetkey.core.oauth.params import Params
from valetkey.core.oidc.interaction import Step, is_expected_subject
from valetkey.core.routes import LOGIN, RECOVER
from valetkey.runtime.http.address import address_group, client_address
from valetkey.runtime.http.forms import read_form, read_query
from valetkey.runtime.settings.sign_in import KeepSignedIn
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
    again = _expected_again(pending)
    return _form(service, pending, username=_first_name(pending), keep=again is not None and again.is_kept)


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
        if form.get("method") == Method.PASSKEY:
            return await _log_in_by_passkey(service, request, pending, form)
        return await _log_in_by_password(service, request, pending, form)
    except LoginRefused as refusal:
        return _form(service, pending, username=form.get("username") or "", refusal=refusal, keep=_keeps(service, form))


async def _log_in_by_password(
    service: AuthorizeService, request: web.Request, pending: InteractionContext, form: Params
) -> web.StreamResponse:
    attempt = _attempt(service, request, pending, form)
    user = await check_credentials(service, attempt)
    factor = Factor(Method.PASSWORD, service.clock())
    advanced = await _sign_in(
        service, request, pending, Proof(user, factor, begins=True, is_kept=_keeps(service, form))
    )
    if advanced is None:
        raise ended_meanwhile(attempt, user)
    return advanced


async def _log_in_by_passkey(
    service: AuthorizeService, request: web.Request, pending: InteractionContext, form: Params
) -> web.StreamResponse:
    user, factor = await check_passkey(service, request, pending.client, form)
    advanced = await _sign_in(
        service, request, pending, Proof(user, factor, begins=True, is_kept=_keeps(service, form))
    )
    if advanced is None:
        raise LoginRefused(LoginError.PASSKEY, 403)
    return advanced


async def _sign_in(
    service: AuthorizeService, request: web.Request, pending: InteractionContext, proof: Proof
) -> web.StreamResponse | None:
    if not is_expected_subject(pending.interaction, proof.user):
        raise LoginRefused(LoginError.OTHER_ACCOUNT, 403)
    return await go_on_with(service, request, pending, proof)


def _keeps(service: AuthorizeService, form: Params) -> bool:
    """Whether the session stays when the browser is closed. What is posted counts only where people are asked."""
    rule = service.settings.keep_signed_in
    return rule == KeepSignedIn.ALWAYS or (rule == KeepSignedIn.CHOICE and form.get("keep") == "on")


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


def _first_name(pending: InteractionContext) -> str:
    """What to fill in: who must prove it again, otherwise the ``login_hint``. OIDC Core §3.1.2.1."""
    if (session := _expected_again(pending)) is not None:
        return session.user.username
    hint = pending.interaction.request.login_hint or ""
    return hint if normalize_login_name(hint) is not None else ""


def _expected_again(pending: InteractionContext) -> Session | None:
    session = pending.session
    if session is None or pending.step is not Step.LOGIN or not is_expected_subject(pending.interaction, session.user):
        return None
    return session


def _code_page(service: AuthorizeService) -> str:
    """Where a signed-in browser shows a code, as people type it."""
    return f"{service.settings.issuer}{LOGIN.path}".partition("://")[2]


def _form(
    service: AuthorizeService,
    pending: InteractionContext,
    *,
    username: str,
    keep: bool,
    refusal: LoginRefused | None = None,
) -> web.Response:
    again, shown = _expected_again(pending), shown_client(pending.client)
    token = service.csrf.token(pending.browser, FORM, pending.interaction_id)
    question = None if service.passkeys is None else service.passkeys.ask_anyone(token)
    page = LoginPage(
        form_action=form_action(service, LOGIN, pending.client),
        csrf_token=token,
        interaction=pending.interaction_id,
        client_name=shown.name,
        logo_uri=shown.logo_uri,
        username=username[:MAX_LOGIN_NAME_LENGTH],
        error=None if refusal is None else refusal.shown,
        account=None if again is None else account_of(again.user),
        code_page=None if refusal is None or refusal.shown not in _MAY_BE_RIGHT else _code_page(service),
        recovery_uri=with_language(service.path(RECOVER)) if service.outbox.is_configured else None,
        is_limited=refusal is not None and refusal.shown is LoginError.TOO_MANY_ATTEMPTS,
        passkey_question=question,
        keep=keep if service.settings.keep_signed_in == KeepSignedIn.CHOICE else None,
    )
    html = service.pages.login(page, reference=current_trace_id())
    status = 200 if refusal is None else refusal.status
    return page_response(
        html,
        status=status,
        leads_to_client=True,
        picture=shown.logo_uri,
        retry_after=None if refusal is None else refusal.retry_after,
        runs_script=True,
    )
