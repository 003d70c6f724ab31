"""The page in place of the consent page, for a user whom the client's ``allowed_groups`` leave out."""

from aiohttp import web

from valetkey.authorize.flow.complete import refuse
from valetkey.authorize.flow.interaction import InteractionContext, form_action, step_location
from valetkey.authorize.pages.models import NotAllowedPage, account_of
from valetkey.authorize.pages.response import page_response, see_other
from valetkey.authorize.pages.shown_client import shown_client
from valetkey.authorize.service import AuthorizeService
from valetkey.core.authentication.session import Session
from valetkey.core.oauth.errors import AccessDenied, InvalidRequest
from valetkey.core.oauth.params import Params
from valetkey.core.oidc.interaction import NOT_ADMITTED, Step
from valetkey.core.routes import CONSENT
from valetkey.runtime.http.address import caller_address
from valetkey.runtime.telemetry import audit
from valetkey.runtime.telemetry.tracing import current_trace_id

FORM = "not_allowed"
_STATUS = 403


def show_not_allowed(service: AuthorizeService, pending: InteractionContext, session: Session) -> web.Response:
    """Why the user cannot go on, and the ways out: another account, or back to the client. Names no group."""
    shown = shown_client(pending.client)
    page = NotAllowedPage(
        form_action=form_action(service, CONSENT, pending.client),
        csrf_token=service.csrf.token(pending.browser, FORM, pending.interaction_id, pending.session_name),
        interaction=pending.interaction_id,
        account=account_of(session.user),
        client_name=shown.name,
        logo_uri=shown.logo_uri,
    )
    audit.emit(
        audit.AuditEvent(
            type="authorization",
            outcome="failure",
            reason=NOT_ADMITTED,
            subject=session.user.sub,
            client_id=pending.client.client_id,
            amr=session.strength.amr,
            session_id=str(session.session_id),
            address=caller_address(),
        )
    )
    html = service.pages.not_allowed(page, reference=current_trace_id())
    return page_response(html, status=_STATUS, leads_to_client=True, picture=shown.logo_uri)


async def leave_not_allowed(
    service: AuthorizeService, request: web.Request, pending: InteractionContext, form: Params
) -> web.StreamResponse:
    """Go to the login page, or back to the client with ``access_denied``. RFC 6749 §4.1.2.1."""
    pending.require_form(service, form.get("csrf_token"), FORM)
    match form.get("action"):
        case "another":
            return see_other(step_location(service, Step.LOGIN, pending.interaction_id, pending.client))
        case "deny":
            return await refuse(service, request, pending, AccessDenied(NOT_ADMITTED))
        case _:
            raise InvalidRequest("the form says neither another nor deny")
