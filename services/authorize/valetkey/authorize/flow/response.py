"""The authorization response: what goes back to the client, through the browser. OAuth 2.1 §4.1.2, RFC 9207."""

from uuid import uuid4

from aiohttp import web

from valetkey.authorize.pages.failure_page import shown_page
from valetkey.authorize.pages.models import FormPostPage
from valetkey.authorize.pages.response import form_post_response, see_other
from valetkey.authorize.pages.shown_error import NoRoom, TooManyAnswers
from valetkey.authorize.service import AuthorizeService
from valetkey.core.authentication.session import Session
from valetkey.core.client.client import Client
from valetkey.core.oauth.authorization_code import AuthorizationCode, generate_code
from valetkey.core.oauth.authorization_request import AuthorizationRequest, TrustedRedirect
from valetkey.core.oauth.errors import OAuthError
from valetkey.core.oauth.parameter_limits import kept_bytes
from valetkey.core.oauth.pkce import NO_CHALLENGE
from valetkey.core.oidc.interaction import Interaction, authentication_of
from valetkey.core.routes import HOME
from valetkey.runtime.http.address import caller_address
from valetkey.runtime.http.errors import note
from valetkey.runtime.telemetry import audit
from valetkey.runtime.telemetry.metrics import AUTHORIZATION_REQUESTS, CODES_WITHOUT_PKCE, RATE_LIMITED
from valetkey.runtime.telemetry.tracing import current_trace_id
from valetkey.storage.redis.limits.code_limits import TooManyCodes
from valetkey.storage.redis.limits.memory_reserve import Kind, StoreIsFull

# What a code takes beside the texts of its request, with its key and what is counted with it.
_CODE_BYTES = 800


async def answer_with_code(
    service: AuthorizeService, interaction: Interaction, client: Client, session: Session, consent_epoch: int
) -> web.Response:
    """Issue a code for what this session's user has agreed to. ``TemporarilyUnavailable`` if it cannot be kept.

    Where too many codes wait already, or Redis has only its reserve left, the client hears of it only if it asked for
    ``prompt=none`` (``TooManyCodes``, ``StoreIsFull``): there a page would not be seen. Otherwise it would send the
    browser here again at once, so that the answer is a page, which also says when to come back; a redirect cannot.
    """
    if client is service.account:
        return see_other(interaction.request.redirect.redirect_uri)
    request, now = interaction.request, service.clock()
    authentication = authentication_of(interaction, session, now)
    code = AuthorizationCode(
        authorization_id=uuid4(),
        client_uid=client.uid,
        redirect_uri=request.redirect.redirect_uri,
        code_challenge=request.code_challenge,
        scope=request.scope,
        resources=request.resources,
        authentication=authentication,
        issued_at=now,
        nonce=request.nonce,
        claims=request.claims,
        epochs=interaction.grant_epochs(client, session.user, consent_epoch),
    )
    value = generate_code()
    try:
        service.reserve.require_room(Kind.CODE, kept_bytes(request) + _CODE_BYTES)
        await service.codes.put(value, code)
    except (TooManyCodes, StoreIsFull) as error:
        return _refuse(service, error, request, client, session)
    AUTHORIZATION_REQUESTS.add("code", "")
    if code.code_challenge == NO_CHALLENGE:
        CODES_WITHOUT_PKCE.add()
    audit.emit(
        audit.AuditEvent(
            type="authorization",
            outcome="success",
            subject=session.user.sub,
            client_id=client.client_id,
            scope=" ".join(request.scope),
            amr=authentication.amr,
            session_id=str(session.session_id),
            authorization_id=str(code.authorization_id),
            address=caller_address(),
        )
    )
    return _send(service, request.redirect, request.redirect.success(value, service.settings.issuer), client)


def answer_with_error(
    service: AuthorizeService, request: web.Request, redirect: TrustedRedirect, client: Client, error: OAuthError
) -> web.Response:
    """Tell the client no; the reason goes to the log. RFC 6749 §4.1.2.1."""
    if client is service.account:
        # Who does not sign in to the account page has nowhere else to go.
        return see_other(service.path(HOME))
    note(request, error)
    AUTHORIZATION_REQUESTS.add("error", error.error)
    return _send(service, redirect, redirect.failure(error, service.settings.issuer, current_trace_id()), client)


def _refuse(
    service: AuthorizeService,
    error: TooManyCodes | StoreIsFull,
    request: AuthorizationRequest,
    client: Client,
    session: Session,
) -> web.Response:
    if isinstance(error, TooManyCodes):
        _record(error, client, session)
    if "none" in request.prompt:
        raise error
    too_many = isinstance(error, TooManyCodes)
    AUTHORIZATION_REQUESTS.add("page", "rate_limited" if too_many else error.error)
    shown = TooManyAnswers if too_many else NoRoom
    # Not raised: who has just signed in has to get the cookie of the new session with it.
    return shown_page(service.pages, shown(error.reason, error.retry_after), client)


def _record(error: TooManyCodes, client: Client, session: Session) -> None:
    RATE_LIMITED.add(error.limit)
    if error.has_just_happened:
        audit.emit(
            audit.AuditEvent(
                type="authorization",
                outcome="failure",
                reason=error.reason,
                subject=session.user.sub,
                client_id=client.client_id,
                session_id=str(session.session_id),
                address=caller_address(),
            )
        )


def _send(
    service: AuthorizeService, redirect: TrustedRedirect, pairs: list[tuple[str, str]], client: Client
) -> web.Response:
    if redirect.response_mode == "form_post":
        page = FormPostPage(redirect_uri=redirect.target, parameters=pairs, client_name=client.client_name)
        return form_post_response(service.pages.form_post(page, reference=current_trace_id()))
    return see_other(redirect.location(pairs))
