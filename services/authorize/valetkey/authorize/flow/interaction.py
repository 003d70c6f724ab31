"""An interaction in progress, as far as this browser may act on it. What a step acts on is what was stored, only."""

import hmac
from dataclasses import dataclass, replace
from typing import Self
from urllib.parse import urlencode
from uuid import UUID

from aiohttp import web

from valetkey.authorize.browser.cookies import Browser, is_secret
from valetkey.authorize.flow.next_step import next_step
from valetkey.authorize.pages.failure_page import CLIENT
from valetkey.authorize.pages.language import ask_for
from valetkey.authorize.pages.shown_error import (
    ClientGone,
    CookieMissing,
    FormRefused,
    InteractionGone,
    NothingWaiting,
    ShownError,
)
from valetkey.authorize.service import AuthorizeService
from valetkey.core.authentication.session import Session, SignedIn
from valetkey.core.client.client import Client
from valetkey.core.oauth.errors import OAuthError
from valetkey.core.oauth.redirect_uri import match_redirect_uri
from valetkey.core.oidc.interaction import Interaction, Step
from valetkey.core.routes import CONSENT, ENROL, LOGIN, SECOND_FACTOR, SELECT_ACCOUNT, Route
from valetkey.runtime.http.forms import read_query

_ROUTES = {
    Step.LOGIN: LOGIN,
    Step.SECOND_FACTOR: SECOND_FACTOR,
    Step.ENROL: ENROL,
    Step.SELECT_ACCOUNT: SELECT_ACCOUNT,
    Step.CONSENT: CONSENT,
    # In place of the question whether to consent.
    Step.NOT_ALLOWED: CONSENT,
    # Asked for its page, consent finishes whatever has nothing left to ask.
    Step.DONE: CONSENT,
}


@dataclass(frozen=True, slots=True)
class InteractionContext:
    """An interaction of this browser, with its client and session as they are now, and the step that is due.

    ``consent_epoch`` is set where nothing is left to ask. ``other_login`` is the session of a login in this interaction
    where another tab's login has replaced it in the browser, for the same user.
    """

    interaction_id: str
    interaction: Interaction
    browser: Browser
    client: Client
    session: Session | None
    step: Step
    consent_epoch: int | None
    other_login: UUID | None = None

    @property
    def redirect_uri(self) -> str:
        """Where the answer will go."""
        return self.interaction.request.redirect.redirect_uri

    @property
    def session_name(self) -> str:
        """The session that a form speaks of, so that a form filled in as one user never counts for another."""
        return "" if self.session is None else str(self.session.session_id)

    def require_form(self, service: AuthorizeService, token: str | None, form: str) -> None:
        """Raise ``FormRefused`` unless this form was shown to this browser, for this step and this user."""
        names = (self.session_name, self.session_name if self.other_login is None else str(self.other_login))
        if not any(service.csrf.is_valid(token, self.browser, form, self.interaction_id, name) for name in names):
            raise FormRefused("the form token is missing or was made for something else")

    async def after_step(self, service: AuthorizeService, interaction: Interaction, session: Session | None) -> Self:
        """The same after a step. It is kept for the next one; what is finished at once need not be."""
        signed_in = None
        if session is not None:
            signed_in = SignedIn(session, await service.consents.find(session.user.subject, self.client.uid))
        step, consent_epoch = await next_step(service, interaction, self.client, signed_in, await service.catalog.get())
        if step is not Step.DONE:
            await service.interactions.put(self.interaction_id, interaction)
        return replace(self, interaction=interaction, session=session, step=step, consent_epoch=consent_epoch)


async def open_interaction(
    service: AuthorizeService, request: web.Request, interaction_id: str | None
) -> InteractionContext:
    """What this browser may act on. Raises a ``ShownError`` for anything that is not its own live interaction."""
    try:
        return await _open(service, request, interaction_id)
    except ShownError:
        if CLIENT not in request:
            await _note_named_client(service, request)
        raise


async def _open(service: AuthorizeService, request: web.Request, interaction_id: str | None) -> InteractionContext:
    if interaction_id is None:
        raise NothingWaiting("no interaction was named")
    browsers = service.cookies.browsers(request)
    if not browsers:
        raise CookieMissing("there is no binding cookie")
    interaction = await service.interactions.find(interaction_id) if is_secret(interaction_id) else None
    if interaction is None:
        raise InteractionGone("the interaction is spent, expired or unknown")
    browser = next((one for one in browsers if hmac.compare_digest(interaction.browser, one.digest)), None)
    if browser is None:
        raise InteractionGone("the interaction belongs to another browser")
    ask_for(request, interaction.request.ui_locales)
    client = request[CLIENT] = await require_same_client(service, interaction)
    signed_in = await service.find_signed_in(request, client)
    session = None if signed_in is None else signed_in.session
    other_login = await _other_login(service, interaction, session)
    if other_login is not None and session is not None:
        interaction = interaction.logged_in(session.session_id)
    step, consent_epoch = await next_step(service, interaction, client, signed_in, await service.catalog.get())
    return InteractionContext(interaction_id, interaction, browser, client, session, step, consent_epoch, other_login)


async def _other_login(service: AuthorizeService, interaction: Interaction, session: Session | None) -> UUID | None:
    """The session of this interaction's own login, where the browser has another one of the same user.

    Tabs that sign in at once begin a session each, of which the browser keeps the last. Each login counts in its own
    tab, as long as its session lives.
    """
    login = interaction.login
    if session is None or login is None or login == session.session_id:
        return None
    subject = await service.sessions.find_subject(login, service.clock())
    return login if subject == session.user.subject else None


async def require_same_client(service: AuthorizeService, interaction: Interaction) -> Client:
    """The client that began it, if it may still be answered. Raises ``ClientGone`` where nothing may be sent to it."""
    asked = interaction.request
    client = await service.find_client(asked.client_id)
    if client is None or client.uid != interaction.client_uid:
        raise ClientGone("the client was deleted, or registered anew under the same client_id")
    if not client.enabled:
        raise ClientGone("the client was disabled")
    if interaction.has_ended(client):
        raise InteractionGone("its client, or everything, has ended since it began")
    if not match_redirect_uri(asked.redirect.redirect_uri, client.redirect_uris, is_native=client.is_native):
        raise ClientGone("the redirect URI is no longer registered")
    return client


async def _note_named_client(service: AuthorizeService, request: web.Request) -> None:
    """Note the client that the address names, for the way back on the page of a failure, and for nothing else.

    It is not proven, as at /authorize. The page says what the client has registered, and nothing of the address.
    """
    try:
        client_id = read_query(request).get("client")
        client = None if client_id is None else await service.find_client(client_id)
    except OAuthError:
        return
    if client is not None and client.enabled:
        request[CLIENT] = client


def step_location(service: AuthorizeService, step: Step, interaction_id: str, client: Client) -> str:
    """The page of a step. It names the client too: the interaction does so only while it lives."""
    query = urlencode({"interaction": interaction_id, "client": client.client_id})
    return f"{service.path(_ROUTES[step])}?{query}"


def form_action(service: AuthorizeService, route: Route, client: Client) -> str:
    """Where the form of a step is posted to; see ``step_location``."""
    return f"{service.path(route)}?{urlencode({'client': client.client_id})}"
