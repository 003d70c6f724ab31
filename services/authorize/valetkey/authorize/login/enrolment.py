"""Setting a method up on the way through a login that demands it: before that no session begins."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from valetkey.authorize.account.notices import tell_added
from valetkey.authorize.browser.csrf import require_own_origin
from valetkey.authorize.flow.complete import advance, refuse
from valetkey.authorize.flow.interaction import InteractionContext, form_action, open_interaction, step_location
from valetkey.authorize.login.credential_events import record_added
from valetkey.authorize.login.due import Due, find_due
from valetkey.authorize.login.methods.method import Enrolment, EnrolmentForm, EnrolmentGone
from valetkey.authorize.login.methods.recovery_code import new_codes
from valetkey.authorize.login.methods.registry import ENROLMENTS
from valetkey.authorize.login.second_factor import leave
from valetkey.authorize.login.sign_in import Proof, go_on_with
from valetkey.authorize.pages.models import ProofError, RecoveryCodesPage, account_of
from valetkey.authorize.pages.response import page_response, see_other
from valetkey.authorize.service import AUTHORIZE, AuthorizeService
from valetkey.core.authentication.factor import Method
from valetkey.core.oauth.errors import AccessDenied, UnmetAuthenticationRequirements
from valetkey.core.oidc.interaction import Step
from valetkey.core.routes import ENROL
from valetkey.runtime.http.forms import read_form, read_query
from valetkey.runtime.telemetry.tracing import current_trace_id

if TYPE_CHECKING:
    from aiohttp import web

    from valetkey.core.oauth.params import Params

FORM = "enrol"


async def show_enrolment(request: web.Request) -> web.StreamResponse:
    """What to set up, by the method that the address names or the first that will do."""
    service = request.app[AUTHORIZE]
    query = read_query(request)
    pending = await open_interaction(service, request, query.get("interaction"))
    due = await _due(service, pending)
    if due is None:
        return await advance(service, request, pending)
    enrolment = _chosen(service, due, query.get("method"))
    if enrolment is None:
        return await refuse(service, request, pending, _unmet())
    return await _page(service, pending, due, enrolment)


async def enrol(request: web.Request) -> web.StreamResponse:
    """Set it up; recovery codes are shown with the first, and the next step follows."""
    service = request.app[AUTHORIZE]
    require_own_origin(request.headers, service.settings.issuer_origin)
    form = await read_form(request)
    pending = await open_interaction(service, request, form.get("interaction"))
    due = await _due(service, pending)
    if due is None:
        return see_other(step_location(service, pending.step, pending.interaction_id, pending.client))
    service.csrf.require(form.get("csrf_token"), pending.browser, FORM, pending.interaction_id, str(due.user.subject))
    if form.get("action") == "another":
        return await leave(service, pending)
    if form.get("action") == "cancel":
        return await refuse(service, request, pending, AccessDenied("the user did not set up what the login demands"))
    enrolment = _chosen(service, due, form.get("method"))
    if enrolment is None:
        return await refuse(service, request, pending, _unmet())
    return await _enrol(service, request, pending, due, enrolment, form)


async def _enrol(
    service: AuthorizeService,
    request: web.Request,
    pending: InteractionContext,
    due: Due,
    enrolment: Enrolment,
    form: Params,
) -> web.StreamResponse:
    try:
        factor = await enrolment.enrol(service, due.user, form)
    except EnrolmentGone:
        return await _page(service, pending, due, enrolment, error=ProofError.GONE)
    if factor is None:
        return await _page(service, pending, due, enrolment, form, enrolment.wrong)
    record_added(due.user, pending.client.client_id, enrolment.method)
    await tell_added(service, due.user, enrolment.method)
    needs_codes = Method.RECOVERY_CODE not in due.enrolled.methods
    advanced = await go_on_with(service, request, pending, Proof(due.user, factor), pauses=needs_codes)
    if advanced is None:
        return await leave(service, pending)
    return await _show_codes(service, due, advanced) if needs_codes else advanced


async def _show_codes(service: AuthorizeService, due: Due, advanced: web.Response) -> web.Response:
    """The user's recovery codes, on the way to where ``advanced`` leads; it keeps its cookies."""
    codes = await new_codes(service, due.user)
    if not codes:
        return advanced
    page = RecoveryCodesPage(codes=codes, continue_uri=advanced.headers["Location"])
    shown = page_response(service.pages.recovery_codes(page, reference=current_trace_id()), leads_to_client=True)
    shown.headers.extend((name, value) for name, value in advanced.headers.items() if name == "Set-Cookie")
    return shown


async def _due(service: AuthorizeService, pending: InteractionContext) -> Due | None:
    if pending.step is not Step.ENROL:
        return None
    return await find_due(service, pending.interaction, pending.client, pending.session)


def _possible(service: AuthorizeService, due: Due) -> list[Enrolment]:
    return [
        each
        for method, each in ENROLMENTS.items()
        # A user may have several passkeys: one that moves between devices does not reach every level.
        if due.can_use(method)
        and (method is Method.PASSKEY or method not in due.enrolled.methods)
        and each.is_offered(service)
    ]


def _chosen(service: AuthorizeService, due: Due, asked: str | None) -> Enrolment | None:
    possible = _possible(service, due)
    return next((each for each in possible if each.method.value == asked), possible[0] if possible else None)


def _unmet() -> UnmetAuthenticationRequirements:
    return UnmetAuthenticationRequirements("nothing can be set up here that reaches the level which is demanded")


async def _page(
    service: AuthorizeService,
    pending: InteractionContext,
    due: Due,
    enrolment: Enrolment,
    posted: Params | None = None,
    error: ProofError | None = None,
) -> web.Response:
    here = step_location(service, Step.ENROL, pending.interaction_id, pending.client)
    shown = EnrolmentForm(
        form_action=form_action(service, ENROL, pending.client),
        csrf_token=service.csrf.token(pending.browser, FORM, pending.interaction_id, str(due.user.subject)),
        interaction=pending.interaction_id,
        account=account_of(due.user),
        others=[
            (each.method.value, f"{here}&{urlencode({'method': each.method.value})}")
            for each in _possible(service, due)
            if each is not enrolment
        ],
        client_name=pending.client.client_name,
    )
    html = await enrolment.show(service, due.user, shown, posted, error)
    status, runs_script = 200 if error is None else 403, enrolment.method is Method.PASSKEY
    return page_response(html, status=status, leads_to_client=True, runs_script=runs_script)
