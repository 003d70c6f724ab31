"""The end of an interaction: taken once, then answered. OAuth 2.1 §4.1.2."""

from aiohttp import web

from valetkey.authorize.flow.interaction import InteractionContext, step_location
from valetkey.authorize.flow.response import answer_with_code, answer_with_error
from valetkey.authorize.pages.response import not_by_head, see_other
from valetkey.authorize.pages.shown_error import InteractionGone
from valetkey.authorize.service import AuthorizeService
from valetkey.core.authentication.session import Session
from valetkey.core.client.client import Client, GrantType
from valetkey.core.oauth.authorization_request import AuthorizationRequest
from valetkey.core.oauth.consent import Consent
from valetkey.core.oauth.errors import AccessDenied, OAuthError
from valetkey.core.oauth.resource import Catalog


async def advance(service: AuthorizeService, request: web.Request, pending: InteractionContext) -> web.Response:
    """Go to the step that is due, or finish where none is."""
    if pending.consent_epoch is not None and pending.session is not None:
        return await grant(service, request, pending, pending.session)
    return see_other(step_location(service, pending.step, pending.interaction_id, pending.client))


async def grant(
    service: AuthorizeService,
    request: web.Request,
    pending: InteractionContext,
    session: Session,
    agreed: Consent | None = None,
) -> web.Response:
    """Answer with a code, after noting what the user has ``agreed`` to just now.

    It is noted for public clients too, whose user is asked again all the same: what is noted can be withdrawn.
    """
    if request.method == "HEAD":
        return not_by_head()
    catalog = await service.catalog.get()
    await _take(service, pending)
    asked, client = pending.interaction.request, pending.client
    try:
        require_still_allowed(asked, client, catalog)
        consent_epoch = pending.consent_epoch
        if agreed is not None:
            consent_epoch = await service.consents.add(session.user.subject, client.uid, agreed, service.clock())
        if consent_epoch is None:
            raise AccessDenied("the user or the client was deleted meanwhile")
        return await answer_with_code(service, pending.interaction, client, session, consent_epoch)
    except OAuthError as error:
        return answer_with_error(service, request, asked.redirect, client, error)


async def refuse(
    service: AuthorizeService, request: web.Request, pending: InteractionContext, error: OAuthError
) -> web.Response:
    """Answer with an error, ``AccessDenied`` where the user said no. RFC 6749 §4.1.2.1."""
    if request.method == "HEAD":
        return not_by_head()
    await _take(service, pending)
    return answer_with_error(service, request, pending.interaction.request.redirect, pending.client, error)


async def _take(service: AuthorizeService, pending: InteractionContext) -> None:
    if await service.interactions.take(pending.interaction_id) is None:
        raise InteractionGone("the interaction was finished by another request")


def require_still_allowed(asked: AuthorizationRequest, client: Client, catalog: Catalog) -> None:
    """Hold the request to the registration again: minutes may lie between the question and its answer.

    Raises an ``OAuthError`` for the client where it has lost the grant, a scope or a resource.
    """
    client.require_grant(GrantType.AUTHORIZATION_CODE)
    catalog.require_scopes(asked.scope, frozenset(client.scope))
    catalog.require_resources(asked.resources, catalog.resources_for(client))
