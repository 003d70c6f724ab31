"""The authorization endpoint. OAuth 2.1 §4.1.1, OIDC Core §3.1.2.

Until the redirect URI is trusted a failure is an exception that ends as a page; afterwards it answers the client.
"""

from dataclasses import replace

from aiohttp import web

from valetkey.authorize.browser.cross_site_post import location_with_cookies
from valetkey.authorize.flow.begin import begin
from valetkey.authorize.flow.id_token_hint import hinted_subject
from valetkey.authorize.flow.next_step import next_step
from valetkey.authorize.flow.response import answer_with_code, answer_with_error
from valetkey.authorize.pages.failure_page import CLIENT
from valetkey.authorize.pages.language import note_asked
from valetkey.authorize.pages.response import not_by_head, see_other
from valetkey.authorize.service import AUTHORIZE, AuthorizeService
from valetkey.core.client.client import Client
from valetkey.core.oauth import causes
from valetkey.core.oauth.authorization_request import (
    AuthorizationRequest,
    TrustedRedirect,
    ignored_scope,
    parse_authorization_request,
    trust_redirect,
)
from valetkey.core.oauth.errors import InvalidRequest, OAuthError
from valetkey.core.oauth.params import Params
from valetkey.core.oidc.interaction import Interaction, refusal_without_prompt
from valetkey.core.routes import AUTHORIZE as AUTHORIZE_ROUTE
from valetkey.runtime.http.forms import read_form, read_query
from valetkey.runtime.telemetry.metrics import AUTHORIZATION_REQUESTS


async def authorize(request: web.Request) -> web.StreamResponse:
    """Authorization endpoint: GET, POST, and HEAD, which only checks the request."""
    service = request.app[AUTHORIZE]
    try:
        params = await _read(request)
        note_asked(request, params)
        client = request[CLIENT] = await _require_client(service, params)
        redirect = trust_redirect(params, client)
    except OAuthError as error:
        AUTHORIZATION_REQUESTS.add("page", error.error)
        raise
    try:
        return await _decide(service, request, params, redirect, client)
    except OAuthError as error:
        return answer_with_error(service, request, redirect, client, error)


async def _read(request: web.Request) -> Params:
    # Repeats are judged once it is known whom to tell. RFC 6749 §3.1.
    if request.method == "POST":
        return await read_form(request, keep_repeats=True)
    return read_query(request, keep_repeats=True)


async def _require_client(service: AuthorizeService, params: Params) -> Client:
    client = await service.clients.find(params.required("client_id"))
    if client is None or not client.enabled:
        raise InvalidRequest.of(causes.CLIENT_UNKNOWN)
    return client


async def _decide(
    service: AuthorizeService, request: web.Request, params: Params, redirect: TrustedRedirect, client: Client
) -> web.StreamResponse:
    catalog = await service.catalog.get()
    asked = parse_authorization_request(params, redirect, client, catalog, service.settings.installation_rules)
    service.ignored_scopes.note(client, ignored_scope(params, asked))
    again = location_with_cookies(service, request, params, AUTHORIZE_ROUTE)
    if again is not None:
        return see_other(again)
    if request.method == "HEAD":
        return not_by_head()
    interaction = await _interaction(service, asked, client)
    signed_in = await service.find_signed_in(request, client)
    step, consent_epoch = await next_step(service, interaction, client, signed_in, catalog)
    if consent_epoch is not None and signed_in is not None:
        return await answer_with_code(service, interaction, client, signed_in.session, consent_epoch)
    if "none" in asked.prompt:
        raise refusal_without_prompt(step)
    return await begin(service, request, interaction, step, client)


async def _interaction(service: AuthorizeService, asked: AuthorizationRequest, client: Client) -> Interaction:
    hinted = None
    if asked.id_token_hint is not None:
        hinted = hinted_subject(asked.id_token_hint, service.keys.key_set, service.settings.issuer, client.client_id)
        # What it said is kept; a token itself never is.
        asked = replace(asked, id_token_hint=None)
    return Interaction(
        asked,
        client.uid,
        browser=b"",
        created_at=service.clock(),
        hinted_subject=hinted,
        installation_epoch=client.installation_epoch,
        client_epoch=client.epoch,
    )
