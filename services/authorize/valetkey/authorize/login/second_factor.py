"""The page that asks for a second factor, of a login that has begun or of a session that is to prove more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from valetkey.authorize.browser.csrf import require_own_origin
from valetkey.authorize.flow.complete import advance, refuse
from valetkey.authorize.flow.interaction import InteractionContext, form_action, open_interaction, step_location
from valetkey.authorize.login.due import Due, find_due
from valetkey.authorize.login.guesses import count_guess, record_proof
from valetkey.authorize.login.methods.registry import SECOND_FACTORS
from valetkey.authorize.login.sign_in import Proof, go_on_with
from valetkey.authorize.pages.models import ProofError, SecondFactorPage, account_of
from valetkey.authorize.pages.response import page_response, see_other
from valetkey.authorize.service import AUTHORIZE, AuthorizeService
from valetkey.core.authentication.factor import Method
from valetkey.core.oauth.errors import AccessDenied, UnmetAuthenticationRequirements
from valetkey.core.oidc.interaction import Step
from valetkey.core.routes import SECOND_FACTOR
from valetkey.runtime.http.forms import read_form, read_query
from valetkey.runtime.telemetry.tracing import current_trace_id

if TYPE_CHECKING:
    from aiohttp import web

    from valetkey.core.oauth.params import Params

FORM = "second_factor"


@dataclass(frozen=True, slots=True)
class _Refusal:
    error: ProofError
    status: int = 403
    retry_after: int | None = None


async def show_second_factor(request: web.Request) -> web.StreamResponse:
    """The question, by the method that the address names or the first that the user has."""
    service = request.app[AUTHORIZE]
    query = read_query(request)
    pending = await open_interaction(service, request, query.get("interaction"))
    due = await _due(service, pending)
    if due is None:
        return await advance(service, request, pending)
    methods = _methods(service, due)
    if not methods:
        return await refuse(service, request, pending, _unmet())
    return await _form(service, pending, due, _chosen(methods, query.get("method")))


async def check_second_factor(request: web.Request) -> web.StreamResponse:
    """Check what was typed; the next step follows, under a session once all that is due is proven."""
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
        return await refuse(service, request, pending, AccessDenied("the user cancelled the login"))
    methods = _methods(service, due)
    if not methods:
        return await refuse(service, request, pending, _unmet())
    method = _chosen(methods, form.get("method"))
    return await _check(service, request, pending, due, method, form)


async def leave(service: AuthorizeService, pending: InteractionContext) -> web.Response:
    """To the login of another user: nothing that was proven here counts."""
    interaction = pending.interaction.begun_anew()
    if pending.interaction.unfinished is None:
        interaction = interaction.account_rejected()
    await service.interactions.put(pending.interaction_id, interaction)
    return see_other(step_location(service, Step.LOGIN, pending.interaction_id, pending.client))


async def _check(
    service: AuthorizeService,
    request: web.Request,
    pending: InteractionContext,
    due: Due,
    method: Method,
    form: Params,
) -> web.StreamResponse:
    counted = await count_guess(service, request, due.user)
    if not counted.counts:
        record_proof(due.user, pending.client.client_id, method, "limited")
        refusal = _Refusal(ProofError.TOO_MANY_ATTEMPTS, 429, counted.retry_after)
        return await _form(service, pending, due, method, refusal)
    factor = await SECOND_FACTORS[method].check(service, due.user, form)
    if factor is None:
        record_proof(due.user, pending.client.client_id, method, "refused")
        return await _form(service, pending, due, method, _Refusal(SECOND_FACTORS[method].wrong))
    await service.attempts.give_back(counted)
    record_proof(due.user, pending.client.client_id, method, "success", factor.amr)
    advanced = await go_on_with(service, request, pending, Proof(due.user, factor))
    return await leave(service, pending) if advanced is None else advanced


async def _due(service: AuthorizeService, pending: InteractionContext) -> Due | None:
    if pending.step is not Step.SECOND_FACTOR:
        return None
    return await find_due(service, pending.interaction, pending.client, pending.session)


def _methods(service: AuthorizeService, due: Due) -> list[Method]:
    """What this user can be asked for, in the order of the registry."""
    return [
        method
        for method, each in SECOND_FACTORS.items()
        if method in due.enrolled.methods and due.can_use(method) and each.is_offered(service)
    ]


def _chosen(methods: list[Method], asked: str | None) -> Method:
    return next((method for method in methods if method.value == asked), methods[0])


def _unmet() -> UnmetAuthenticationRequirements:
    return UnmetAuthenticationRequirements("the user has no method that can be used here and now")


async def _form(
    service: AuthorizeService,
    pending: InteractionContext,
    due: Due,
    method: Method,
    refusal: _Refusal | None = None,
) -> web.Response:
    here = step_location(service, Step.SECOND_FACTOR, pending.interaction_id, pending.client)
    token = service.csrf.token(pending.browser, FORM, pending.interaction_id, str(due.user.subject))
    question = await SECOND_FACTORS[method].question(service, due.user, token)
    page = SecondFactorPage(
        form_action=form_action(service, SECOND_FACTOR, pending.client),
        csrf_token=token,
        interaction=pending.interaction_id,
        account=account_of(due.user),
        method=method.value,
        question=question,
        others=[
            (each.value, f"{here}&{urlencode({'method': each.value})}")
            for each in _methods(service, due)
            if each is not method
        ],
        client_name=pending.client.client_name,
        error=None if refusal is None else refusal.error,
    )
    html = service.pages.second_factor(page, reference=current_trace_id())
    headers = {}
    if refusal is not None and refusal.retry_after is not None:
        headers["Retry-After"] = str(refusal.retry_after)
    status = 200 if refusal is None else refusal.status
    return page_response(html, status=status, leads_to_client=True, headers=headers, runs_script=question is not None)
