"""The page that asks for a second factor, of a login that has begun or of a session that is to prove more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from valetkey.authorize.login.detour import Detour, Stop
from valetkey.authorize.login.guesses import count_guess, record_proof
from valetkey.authorize.login.methods.registry import SECOND_FACTORS
from valetkey.authorize.login.sign_in import Proof, go_on_with
from valetkey.authorize.pages.models import ProofError, SecondFactorPage, fields_of
from valetkey.authorize.pages.response import page_response
from valetkey.core.oidc.interaction import Step
from valetkey.core.routes import SECOND_FACTOR
from valetkey.runtime.telemetry.tracing import current_trace_id

if TYPE_CHECKING:
    from aiohttp import web

    from valetkey.authorize.login.due import Due
    from valetkey.authorize.service import AuthorizeService
    from valetkey.core.authentication.factor import Method
    from valetkey.core.oauth.params import Params


async def _check(stop: Stop, form: Params) -> web.StreamResponse:
    """Check what was typed; the next step follows, under a session once all that is due is proven."""
    service, user, client_id = stop.service, stop.due.user, stop.pending.client.client_id
    factor, method = SECOND_FACTORS[stop.method], stop.method
    counted = await count_guess(service, stop.request, user)
    if not counted.counts:
        record_proof(user, client_id, method, "limited")
        return await _page(stop, ProofError.TOO_MANY_ATTEMPTS, 429, counted.retry_after)
    proven = await factor.check(service, user, form)
    if proven is None:
        record_proof(user, client_id, method, "refused")
        return await _page(stop, factor.wrong, 403)
    await service.attempts.give_back(counted)
    record_proof(user, client_id, method, "success", proven.amr)
    advanced = await go_on_with(service, stop.request, stop.pending, Proof(user, proven))
    return await stop.another() if advanced is None else advanced


def _methods(service: AuthorizeService, due: Due) -> list[Method]:
    """What this user can be asked for, in the order of the registry."""
    return [
        method
        for method, each in SECOND_FACTORS.items()
        if method in due.enrolled.methods and due.can_use(method) and each.is_offered(service)
    ]


async def _page(
    stop: Stop, error: ProofError | None = None, status: int = 200, retry_after: int | None = None
) -> web.Response:
    shown = SECOND_FACTOR_PAGE.page(stop, error)
    question = await SECOND_FACTORS[stop.method].question(stop.service, stop.due.user, shown.csrf_token)
    page = SecondFactorPage(**fields_of(shown), method=stop.method.value, question=question)
    html = stop.service.pages.second_factor(page, reference=current_trace_id())
    return page_response(
        html, status=status, leads_to_client=True, retry_after=retry_after, runs_script=question is not None
    )


SECOND_FACTOR_PAGE = Detour(
    step=Step.SECOND_FACTOR,
    route=SECOND_FACTOR,
    methods=_methods,
    show=_page,
    answer=_check,
    cancelled="the user cancelled the login",
    unmet="the user has no method that can be used here and now",
)
