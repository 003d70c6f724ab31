"""The consent page: what a client asks for, and the user's answer. OIDC Core §3.1.2.4."""

from aiohttp import web

from valetkey.authorize.browser.csrf import require_own_origin
from valetkey.authorize.consent.not_allowed import leave_not_allowed, show_not_allowed
from valetkey.authorize.consent.words import scope_groups
from valetkey.authorize.flow.complete import advance, grant, refuse, require_still_allowed
from valetkey.authorize.flow.interaction import InteractionContext, form_action, open_interaction, step_location
from valetkey.authorize.flow.next_step import consent_of
from valetkey.authorize.pages.models import ConsentPage, account_of
from valetkey.authorize.pages.response import page_response, see_other
from valetkey.authorize.pages.shown_client import shown_client
from valetkey.authorize.service import AUTHORIZE, AuthorizeService
from valetkey.core.authentication.session import Session
from valetkey.core.oauth.errors import AccessDenied, InvalidRequest, OAuthError
from valetkey.core.oauth.redirect_uri import redirect_host
from valetkey.core.oauth.resource import Catalog
from valetkey.core.oidc.interaction import Step
from valetkey.core.routes import CONSENT
from valetkey.runtime.http.address import caller_address
from valetkey.runtime.http.forms import read_form, read_query
from valetkey.runtime.telemetry import audit
from valetkey.runtime.telemetry.metrics import CONSENTS
from valetkey.runtime.telemetry.tracing import current_trace_id

FORM = "consent"


async def show_consent(request: web.Request) -> web.StreamResponse:
    """What the stored request asks for."""
    service = request.app[AUTHORIZE]
    pending = await open_interaction(service, request, read_query(request).get("interaction"))
    if pending.step is Step.NOT_ALLOWED and pending.session is not None:
        return show_not_allowed(service, pending, pending.session)
    if pending.step is not Step.CONSENT or pending.session is None:
        return await advance(service, request, pending)
    catalog = await service.catalog.get()
    try:
        require_still_allowed(pending.interaction.request, pending.client, catalog)
    except OAuthError as error:
        return await refuse(service, request, pending, error)
    return _form(service, pending, pending.session, catalog)


async def decide_consent(request: web.Request) -> web.StreamResponse:
    """Allow or deny what the page has shown, or sign in as another user."""
    service = request.app[AUTHORIZE]
    require_own_origin(request.headers, service.settings.issuer_origin)
    form = await read_form(request)
    pending = await open_interaction(service, request, form.get("interaction"))
    session = pending.session
    if session is None or pending.step not in (Step.NOT_ALLOWED, Step.CONSENT, Step.DONE):
        return see_other(step_location(service, pending.step, pending.interaction_id, pending.client))
    if pending.step is Step.NOT_ALLOWED:
        return await leave_not_allowed(service, request, pending, form)
    pending.require_form(service, form.get("csrf_token"), FORM)
    match form.get("action"):
        case "allow":
            _record(pending, session, is_allowed=True)
            return await grant(service, request, pending, session, consent_of(pending.interaction.request))
        case "deny":
            _record(pending, session, is_allowed=False)
            return await refuse(service, request, pending, AccessDenied("the user denied consent"))
        case "another":
            await service.interactions.put(pending.interaction_id, pending.interaction.account_rejected())
            return see_other(step_location(service, Step.LOGIN, pending.interaction_id, pending.client))
        case _:
            raise InvalidRequest("the form says neither allow nor deny")


def _form(service: AuthorizeService, pending: InteractionContext, session: Session, catalog: Catalog) -> web.Response:
    asked, client = pending.interaction.request, pending.client
    redirect_uri, shown = pending.redirect_uri, shown_client(client)
    page = ConsentPage(
        form_action=form_action(service, CONSENT, pending.client),
        csrf_token=service.csrf.token(pending.browser, FORM, pending.interaction_id, pending.session_name),
        interaction=pending.interaction_id,
        account=account_of(session.user),
        client_id=client.client_id,
        client_name=shown.name,
        logo_uri=shown.logo_uri,
        redirect_host=redirect_host(redirect_uri),
        # Registration allows nothing but https, http on the loopback interface, and private-use schemes.
        is_on_this_device=not redirect_uri.startswith("https:"),
        is_unverified=not client.is_proven_by(redirect_uri),
        groups=scope_groups(asked.scope, asked.resources, catalog),
        claims=sorted(asked.claims.names),
        policy_uri=client.policy_uri,
        tos_uri=client.tos_uri,
    )
    html = service.pages.consent(page, reference=current_trace_id())
    return page_response(html, leads_to_client=True, picture=shown.logo_uri)


def _record(pending: InteractionContext, session: Session, *, is_allowed: bool) -> None:
    CONSENTS.add("allowed" if is_allowed else "denied")
    audit.emit(
        audit.AuditEvent(
            type="consent",
            outcome="success" if is_allowed else "failure",
            subject=session.user.sub,
            client_id=pending.client.client_id,
            scope=" ".join(pending.interaction.request.scope),
            amr=session.strength.amr,
            session_id=str(session.session_id),
            address=caller_address(),
        )
    )
