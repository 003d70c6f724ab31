"""A page on the way through a login that asks for one more proof: what it begins with, and the ways off it.

One asks for a second factor, the other sets a method up. Neither is shown, and nothing that was posted to it counts,
unless its step is the one that is due.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode

from valetkey.authorize.browser.csrf import require_own_origin
from valetkey.authorize.flow.complete import advance, refuse
from valetkey.authorize.flow.interaction import InteractionContext, form_action, open_interaction, step_location
from valetkey.authorize.login.due import Due, find_due
from valetkey.authorize.pages.models import ProofPage, account_of
from valetkey.authorize.pages.response import see_other
from valetkey.authorize.service import AUTHORIZE, AuthorizeService
from valetkey.core.oauth.errors import AccessDenied, UnmetAuthenticationRequirements
from valetkey.core.oidc.interaction import Step
from valetkey.runtime.http.forms import read_form, read_query

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from aiohttp import web

    from valetkey.authorize.pages.models import ProofError
    from valetkey.core.authentication.factor import Method
    from valetkey.core.oauth.params import Params
    from valetkey.core.routes import Route


class Stop(NamedTuple):
    """A browser at the page: whose proof is due, by which methods it can be given, and the one that was chosen."""

    service: AuthorizeService
    request: web.Request
    pending: InteractionContext
    due: Due
    methods: Sequence[Method]
    method: Method

    async def another(self) -> web.Response:
        """To the login of another user."""
        return await _another(self.service, self.pending)


@dataclass(frozen=True, slots=True, kw_only=True)
class Detour:
    """One such page. ``methods`` are those that lead on, the first to be offered first.

    ``show`` answers with the page, ``answer`` to what was posted there. ``cancelled`` and ``unmet`` are for the log.
    """

    step: Step
    route: Route
    methods: Callable[[AuthorizeService, Due], Sequence[Method]]
    show: Callable[[Stop], Awaitable[web.Response]]
    answer: Callable[[Stop, Params], Awaitable[web.StreamResponse]]
    cancelled: str
    unmet: str

    async def get(self, request: web.Request) -> web.StreamResponse:
        """The page, by the method that the address names or the first."""
        service, query = request.app[AUTHORIZE], read_query(request)
        pending = await open_interaction(service, request, query.get("interaction"))
        due = await self._due(service, pending)
        if due is None:
            return await advance(service, request, pending)
        stop = self._stop(service, request, pending, due, query.get("method"))
        return await self._refuse(service, request, pending) if stop is None else await self.show(stop)

    async def post(self, request: web.Request) -> web.StreamResponse:
        """Another user, an end, or what there is to prove."""
        service = request.app[AUTHORIZE]
        require_own_origin(request.headers, service.settings.issuer_origin)
        form = await read_form(request)
        pending = await open_interaction(service, request, form.get("interaction"))
        due = await self._due(service, pending)
        if due is None:
            return see_other(step_location(service, pending.step, pending.interaction_id, pending.client))
        service.csrf.require(form.get("csrf_token"), pending.browser, *self._form_names(pending, due))
        if form.get("action") == "another":
            return await _another(service, pending)
        if form.get("action") == "cancel":
            return await refuse(service, request, pending, AccessDenied(self.cancelled))
        stop = self._stop(service, request, pending, due, form.get("method"))
        return await self._refuse(service, request, pending) if stop is None else await self.answer(stop, form)

    def page(self, stop: Stop, error: ProofError | None = None) -> ProofPage:
        """What every such page shows."""
        service, pending, user = stop.service, stop.pending, stop.due.user
        here = step_location(service, self.step, pending.interaction_id, pending.client)
        return ProofPage(
            form_action=form_action(service, self.route, pending.client),
            csrf_token=service.csrf.token(pending.browser, *self._form_names(pending, stop.due)),
            interaction=pending.interaction_id,
            account=account_of(user),
            others=[
                (method.value, f"{here}&{urlencode({'method': method.value})}")
                for method in stop.methods
                if method is not stop.method
            ],
            client_name=pending.client.client_name,
            error=error,
        )

    async def _due(self, service: AuthorizeService, pending: InteractionContext) -> Due | None:
        if pending.step is not self.step:
            return None
        return await find_due(service, pending.interaction, pending.client, pending.session)

    def _stop(
        self, service: AuthorizeService, request: web.Request, pending: InteractionContext, due: Due, asked: str | None
    ) -> Stop | None:
        methods = self.methods(service, due)
        if not methods:
            return None
        method = next((each for each in methods if each.value == asked), methods[0])
        return Stop(service, request, pending, due, methods, method)

    async def _refuse(
        self, service: AuthorizeService, request: web.Request, pending: InteractionContext
    ) -> web.Response:
        return await refuse(service, request, pending, UnmetAuthenticationRequirements(self.unmet))

    def _form_names(self, pending: InteractionContext, due: Due) -> tuple[str, str, str]:
        return self.step.value, pending.interaction_id, str(due.user.subject)


async def _another(service: AuthorizeService, pending: InteractionContext) -> web.Response:
    """To the login of another user: nothing that was proven here counts."""
    interaction = pending.interaction.begun_anew()
    if pending.interaction.unfinished is None:
        interaction = interaction.account_rejected()
    await service.interactions.put(pending.interaction_id, interaction)
    return see_other(step_location(service, Step.LOGIN, pending.interaction_id, pending.client))
