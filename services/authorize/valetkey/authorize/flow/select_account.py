"""The choice between the signed-in account and another one. OIDC Core §3.1.2.1, prompt=select_account."""

from aiohttp import web

from valetkey.authorize.browser.csrf import require_own_origin
from valetkey.authorize.flow.complete import advance
from valetkey.authorize.flow.interaction import InteractionContext, form_action, open_interaction, step_location
from valetkey.authorize.pages.models import SelectAccountPage, account_of
from valetkey.authorize.pages.response import page_response, see_other
from valetkey.authorize.service import AUTHORIZE, AuthorizeService
from valetkey.core.authentication.session import Session
from valetkey.core.oauth.errors import InvalidRequest
from valetkey.core.oidc.interaction import Step
from valetkey.core.routes import SELECT_ACCOUNT
from valetkey.runtime.http.forms import read_form, read_query
from valetkey.runtime.telemetry.tracing import current_trace_id

FORM = "select_account"


async def show_accounts(request: web.Request) -> web.StreamResponse:
    """The account that is signed in, and the way to another one."""
    service = request.app[AUTHORIZE]
    pending = await open_interaction(service, request, read_query(request).get("interaction"))
    if pending.step is not Step.SELECT_ACCOUNT or pending.session is None:
        return await advance(service, request, pending)
    return _form(service, pending, pending.session)


async def select_account(request: web.Request) -> web.StreamResponse:
    """Go on as who is signed in, or to the login page."""
    service = request.app[AUTHORIZE]
    require_own_origin(request.headers, service.settings.issuer_origin)
    form = await read_form(request)
    pending = await open_interaction(service, request, form.get("interaction"))
    if pending.step is not Step.SELECT_ACCOUNT or pending.session is None:
        return see_other(step_location(service, pending.step, pending.interaction_id, pending.client))
    pending.require_form(service, form.get("csrf_token"), FORM)
    match form.get("action"):
        case "continue":
            interaction = pending.interaction.account_selected(pending.session.session_id)
            return await advance(service, request, await pending.after_step(service, interaction, pending.session))
        case "another":
            return see_other(step_location(service, Step.LOGIN, pending.interaction_id, pending.client))
        case _:
            raise InvalidRequest("the form says neither continue nor another")


def _form(service: AuthorizeService, pending: InteractionContext, session: Session) -> web.Response:
    page = SelectAccountPage(
        form_action=form_action(service, SELECT_ACCOUNT, pending.client),
        csrf_token=service.csrf.token(pending.browser, FORM, pending.interaction_id, pending.session_name),
        interaction=pending.interaction_id,
        account=account_of(session.user),
        client_name=pending.client.client_name,
    )
    html = service.pages.select_account(page, reference=current_trace_id())
    return page_response(html, leads_to_client=True)
