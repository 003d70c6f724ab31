"""Setting a method up on the way through a login that demands it: before that no session begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from valetkey.authorize.account.notices import tell_added
from valetkey.authorize.login.credential_events import record_added
from valetkey.authorize.login.detour import Detour, Stop
from valetkey.authorize.login.methods.method import EnrolmentGone
from valetkey.authorize.login.methods.recovery_code import new_codes
from valetkey.authorize.login.methods.registry import ENROLMENTS
from valetkey.authorize.login.sign_in import Proof, go_on_with
from valetkey.authorize.pages.models import ProofError, RecoveryCodesPage
from valetkey.authorize.pages.response import page_response
from valetkey.core.authentication.factor import Method
from valetkey.core.oidc.interaction import Step
from valetkey.core.routes import ENROL
from valetkey.runtime.telemetry.tracing import current_trace_id

if TYPE_CHECKING:
    from aiohttp import web

    from valetkey.authorize.login.due import Due
    from valetkey.authorize.service import AuthorizeService
    from valetkey.core.oauth.params import Params


async def _enrol(stop: Stop, form: Params) -> web.StreamResponse:
    """Set it up; recovery codes are shown with the first, and the next step follows."""
    service, due, enrolment = stop.service, stop.due, ENROLMENTS[stop.method]
    try:
        factor = await enrolment.enrol(service, due.user, form)
    except EnrolmentGone:
        return await _page(stop, error=ProofError.GONE)
    if factor is None:
        return await _page(stop, form, enrolment.wrong)
    record_added(due.user, stop.pending.client.client_id, stop.method)
    await tell_added(service, due.user, stop.method)
    needs_codes = Method.RECOVERY_CODE not in due.enrolled.methods
    advanced = await go_on_with(service, stop.request, stop.pending, Proof(due.user, factor), pauses=needs_codes)
    if advanced is None:
        return await stop.another()
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


def _methods(service: AuthorizeService, due: Due) -> list[Method]:
    return [
        method
        for method, each in ENROLMENTS.items()
        # A user may have several passkeys: one that moves between devices does not reach every level.
        if due.can_use(method)
        and (method is Method.PASSKEY or method not in due.enrolled.methods)
        and each.is_offered(service)
    ]


async def _page(stop: Stop, posted: Params | None = None, error: ProofError | None = None) -> web.Response:
    html = await ENROLMENTS[stop.method].show(stop.service, stop.due.user, ENROLMENT_PAGE.page(stop, error), posted)
    status, runs_script = 200 if error is None else 403, stop.method is Method.PASSKEY
    return page_response(html, status=status, leads_to_client=True, runs_script=runs_script)


ENROLMENT_PAGE = Detour(
    step=Step.ENROL,
    route=ENROL,
    methods=_methods,
    show=_page,
    answer=_enrol,
    cancelled="the user did not set up what the login demands",
    unmet="nothing can be set up here that reaches the level which is demanded",
)
