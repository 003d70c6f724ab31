"""Setting an authenticator app up from the account page."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from valetkey.authorize.account.notices import tell_added
from valetkey.authorize.account.visit import (
    Visit,
    account_form,
    account_response,
    back_with,
    browser_of,
    form_token,
    is_recent,
    sign_in_first,
    visit,
)
from valetkey.authorize.login.credential_events import record_added
from valetkey.authorize.login.methods.method import EnrolmentForm, EnrolmentGone
from valetkey.authorize.login.methods.recovery_code import new_codes
from valetkey.authorize.login.methods.registry import ENROLMENTS
from valetkey.authorize.pages.account_models import AccountNews
from valetkey.authorize.pages.models import (
    ProofError,
    RecoveryCodesPage,
    account_of,
)
from valetkey.authorize.pages.response import see_other
from valetkey.core.authentication.factor import Factor, Method, merge_factors
from valetkey.core.routes import ACCOUNT, ACCOUNT_TOTP
from valetkey.runtime.telemetry.tracing import current_trace_id

if TYPE_CHECKING:
    from aiohttp import web

    from valetkey.core.oauth.params import Params


async def show_totp(request: web.Request) -> web.StreamResponse:
    """The secret to scan; a login first where the last one was not a moment ago."""
    visited = await visit(request)
    if visited is None or not is_recent(visited):
        return await sign_in_first(request, ACCOUNT_TOTP, visited)
    return await _page(visited) if _can_set_up(visited) else see_other(visited.service.path(ACCOUNT))


async def set_up_totp(request: web.Request) -> web.StreamResponse:
    """Store it once its first code is typed; recovery codes are shown where there are none."""
    visited = await visit(request)
    if visited is None:
        return await sign_in_first(request, ACCOUNT_TOTP, None)
    form = account_form(visited)
    if not is_recent(visited):
        return await sign_in_first(request, ACCOUNT_TOTP, visited)
    service, user = visited.service, visited.session.user
    if form.get("action") is not None or not _can_set_up(visited):
        return see_other(service.path(ACCOUNT))
    enrolment = ENROLMENTS[Method.TOTP]
    try:
        factor = await enrolment.enrol(service, user, form)
    except EnrolmentGone:
        return await _page(visited, error=ProofError.GONE)
    if factor is None:
        return await _page(visited, form, enrolment.wrong)
    record_added(user, "", Method.TOTP)
    await tell_added(service, user, Method.TOTP)
    answer = await _answer(visited)
    await _prove(visited, factor, answer)
    return answer


async def _answer(visited: Visit) -> web.Response:
    """The recovery codes where there were none, otherwise the account page."""
    service, user = visited.service, visited.session.user
    if Method.RECOVERY_CODE in visited.enrolled.methods or not (codes := await new_codes(service, user)):
        return back_with(visited, AccountNews.TOTP)
    page = RecoveryCodesPage(codes=codes, continue_uri=service.path(ACCOUNT))
    html = service.pages.recovery_codes(page, reference=current_trace_id())
    return account_response(visited, browser_of(visited), html)


async def _prove(visited: Visit, factor: Factor, answer: web.Response) -> None:
    """The session has proven it, under a new secret, so that the next change asks for no code."""
    service, old_secret = visited.service, visited.service.cookies.session_secret(visited.request)
    proven = replace(visited.session, factors=merge_factors(visited.session.factors, (factor,)))
    if old_secret is not None and await service.sessions.renew(secret := service.next_secrets.make(old_secret), proven):
        service.cookies.write_session(visited.request, answer, secret)


def _can_set_up(visited: Visit) -> bool:
    return Method.TOTP not in visited.enrolled.methods and ENROLMENTS[Method.TOTP].is_offered(visited.service)


async def _page(visited: Visit, posted: Params | None = None, error: ProofError | None = None) -> web.Response:
    browser = browser_of(visited)
    shown = EnrolmentForm(
        form_action=visited.service.path(ACCOUNT_TOTP),
        csrf_token=form_token(visited, browser),
        interaction="",
        account=account_of(visited.session.user),
    )
    html = await ENROLMENTS[Method.TOTP].show(visited.service, visited.session.user, shown, posted, error)
    return account_response(visited, browser, html, 200 if error is None else 403)
