"""Setting up what one signs in with, from the account page: a page for each method."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from valetkey.authorize.account.notices import tell_added
from valetkey.authorize.account.visit import (
    Visit,
    account_response,
    back_with,
    browser_of,
    changed_at,
    form_token,
    shown_at,
)
from valetkey.authorize.login.credential_events import record_added
from valetkey.authorize.login.methods.method import EnrolmentGone
from valetkey.authorize.login.methods.recovery_code import new_codes
from valetkey.authorize.login.methods.registry import ENROLMENTS
from valetkey.authorize.pages.account_models import AccountNews
from valetkey.authorize.pages.models import (
    ProofError,
    ProofPage,
    RecoveryCodesPage,
    account_of,
)
from valetkey.authorize.pages.response import see_other
from valetkey.core.authentication.factor import Factor, Method, merge_factors
from valetkey.core.routes import ACCOUNT, Route
from valetkey.runtime.telemetry.tracing import current_trace_id

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp import web

    from valetkey.core.oauth.params import Params

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def enrolment_page(method: Method, route: Route) -> tuple[Handler, Handler]:
    """What shows the page of a method, and what stores what is posted there."""

    @shown_at(route)
    async def show(visited: Visit) -> web.StreamResponse:
        if not can_set_up(visited, method):
            return see_other(visited.service.path(ACCOUNT))
        return await _page(visited, method, route)

    @changed_at(route)
    async def enrol(visited: Visit) -> web.StreamResponse:
        if visited.posted.get("action") is not None or not can_set_up(visited, method):
            return see_other(visited.service.path(ACCOUNT))
        return await _enrol(visited, method, route)

    return show, enrol


def can_set_up(visited: Visit, method: Method) -> bool:
    """Whether the user may set one up: of passkeys several, of authenticator apps one."""
    has_one = method in visited.enrolled.methods and method is not Method.PASSKEY
    return not has_one and ENROLMENTS[method].is_offered(visited.service)


async def _enrol(visited: Visit, method: Method, route: Route) -> web.StreamResponse:
    """Store it; recovery codes are shown where there are none."""
    service, user, form = visited.service, visited.session.user, visited.posted
    enrolment = ENROLMENTS[method]
    try:
        factor = await enrolment.enrol(service, user, form)
    except EnrolmentGone:
        return await _page(visited, method, route, error=ProofError.GONE)
    if factor is None:
        return await _page(visited, method, route, form, enrolment.wrong)
    record_added(user, "", method)
    await tell_added(service, user, method)
    answer = await _answer(visited)
    await _prove(visited, factor, answer)
    return answer


async def _answer(visited: Visit) -> web.Response:
    """The recovery codes where there were none, otherwise the account page."""
    service, user = visited.service, visited.session.user
    if Method.RECOVERY_CODE in visited.enrolled.methods or not (codes := await new_codes(service, user)):
        return back_with(visited, AccountNews.ADDED)
    page = RecoveryCodesPage(codes=codes, continue_uri=service.path(ACCOUNT))
    html = service.pages.recovery_codes(page, reference=current_trace_id())
    return account_response(visited, browser_of(visited), html)


async def _prove(visited: Visit, factor: Factor, answer: web.Response) -> None:
    """The session has proven it, under a new secret, so that the next change asks for no code."""
    service, old_secret = visited.service, visited.service.cookies.session_secret(visited.request)
    proven = replace(visited.session, factors=merge_factors(visited.session.factors, (factor,)))
    if old_secret is not None and await service.sessions.renew(secret := service.next_secrets.make(old_secret), proven):
        service.write_session(visited.request, answer, secret, proven)


async def _page(
    visited: Visit, method: Method, route: Route, posted: Params | None = None, error: ProofError | None = None
) -> web.Response:
    browser = browser_of(visited)
    shown = ProofPage(
        form_action=visited.service.path(route),
        csrf_token=form_token(visited, browser),
        account=account_of(visited.session.user),
        error=error,
    )
    html = await ENROLMENTS[method].show(visited.service, visited.session.user, shown, posted)
    status = 200 if error is None else 403
    return account_response(visited, browser, html, status, runs_script=method is Method.PASSKEY)
