"""The e-mail address on the account page: confirm the one there is, or ask for another.

Nothing changes here. What is asked for is done behind a link in a mail to the address in question: ``email_links``.
Whether another user has an address is found out after the answer, and only the owner of the mailbox is told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from valetkey.authorize.account.after_answers import RETRY_AFTER
from valetkey.authorize.account.visit import (
    Visit,
    account_response,
    back_with,
    browser_of,
    changed_at,
    form_token,
    shown_at,
    sign_in_first,
)
from valetkey.authorize.pages.account_models import AccountNews, EmailError, EmailPage
from valetkey.authorize.pages.language import language_of_mail
from valetkey.authorize.pages.models import account_of
from valetkey.authorize.pages.response import see_other
from valetkey.core.authentication.account_token import EMAIL_LIFETIME, TokenPurpose, generate_token, token_digest
from valetkey.core.authentication.user import normalize_login_name
from valetkey.core.mail.address import MailRefused, require_address
from valetkey.core.mail.content import EmailChangeConfirmation, EmailInUse, EmailVerification
from valetkey.core.mail.mail import Enqueued, Mail
from valetkey.core.oauth.errors import InvalidRequest
from valetkey.core.routes import ACCOUNT, ACCOUNT_EMAIL, ACCOUNT_EMAIL_CONFIRM, ACCOUNT_EMAIL_VERIFY
from valetkey.runtime.http.address import address_group, caller_address, client_address
from valetkey.runtime.telemetry import audit
from valetkey.runtime.telemetry.metrics import RATE_LIMITED
from valetkey.runtime.telemetry.tracing import current_trace_id
from valetkey.storage.redis.limits.window_limit import Standing

if TYPE_CHECKING:
    from aiohttp import web

    from valetkey.authorize.service import AuthorizeService
    from valetkey.core.authentication.user import User
    from valetkey.core.mail.content import Content
    from valetkey.core.routes import Route

MINUTES = int(EMAIL_LIFETIME.total_seconds()) // 60


@shown_at(ACCOUNT_EMAIL)
async def show_email(visited: Visit) -> web.StreamResponse:
    """The address there is, and a form for another."""
    return _page(visited) if await _can_change(visited) else see_other(visited.service.path(ACCOUNT))


@changed_at(ACCOUNT_EMAIL)
async def change_email(visited: Visit) -> web.StreamResponse:
    """Have a mail sent, whose link does what is asked for."""
    form = visited.posted
    if not await _can_change(visited):
        return see_other(visited.service.path(ACCOUNT))
    match form.get("action"):
        case "verify":
            return await _verify(visited)
        case "change":
            return await _change(visited, (form.get("email") or "").strip())
        case _:
            raise InvalidRequest("the form says none of what can be done")


async def _can_change(visited: Visit) -> bool:
    """Whether mail can be sent here, and no applied file would undo what the user does."""
    service = visited.service
    return service.outbox.is_configured and not await service.own_accounts.is_owned(visited.session.user.subject)


async def _verify(visited: Visit) -> web.StreamResponse:
    service, user = visited.service, visited.session.user
    if user.email is None or user.email_verified:
        return see_other(service.path(ACCOUNT))
    try:
        require_address(user.email)
    except MailRefused:
        return _page(visited, EmailError.NO_ADDRESS, 400)
    if (refused := await _over_limit(visited)) is not None:
        return refused
    link = await _link(service, user, TokenPurpose.EMAIL_VERIFICATION, ACCOUNT_EMAIL_VERIFY, user.email)
    if link is None:
        return await sign_in_first(visited.request, ACCOUNT_EMAIL, None)
    content = EmailVerification(link=link, minutes=MINUTES)
    enqueued = await _put(service, user, user.email, content, _address(visited))
    record_email("account.email_verification_asked", user, "" if enqueued is Enqueued.QUEUED else f"limit {enqueued}")
    if enqueued is not Enqueued.QUEUED:
        return _page(visited, EmailError.TOO_MANY, 429, service.email_requests.window)
    return back_with(visited, AccountNews.EMAIL_VERIFICATION)


async def _change(visited: Visit, email: str) -> web.StreamResponse:
    service, user = visited.service, visited.session.user
    key = normalize_login_name(email)
    try:
        require_address(email)
    except MailRefused:
        return _page(visited, EmailError.NO_ADDRESS, 400, typed=email)
    if key is None:
        return _page(visited, EmailError.NO_ADDRESS, 400, typed=email)
    if user.email is not None and key == normalize_login_name(user.email):
        return _page(visited, EmailError.SAME, 400, typed=email)
    if not await service.email_changes.has_room(user.subject, service.clock()):
        return _page(visited, EmailError.TOO_OFTEN, 429, typed=email)
    if (refused := await _over_limit(visited, email)) is not None:
        return refused
    if not service.after_answers.has_room:
        return _page(visited, EmailError.BUSY, 503, RETRY_AFTER, typed=email)
    service.after_answers.begin(_send(service, user, email, key, _address(visited)))
    return back_with(visited, AccountNews.EMAIL_CHANGE)


async def _send(service: AuthorizeService, user: User, email: str, key: str, address: str) -> None:
    """Send the link to the new address; if that is another's, a mail that says so, under the same limits."""
    found = await service.users.find_by_login_name(key)
    if found is not None and found[0].subject != user.subject:
        await _put(service, found[0], email, EmailInUse(minutes=MINUTES), address)
        record_email("account.email_change_asked", user, "the address belongs to another user")
        return
    link = await _link(service, user, TokenPurpose.EMAIL_CHANGE, ACCOUNT_EMAIL_CONFIRM, email)
    if link is None:
        record_email("account.email_change_asked", user, "the user has ended meanwhile")
        return
    enqueued = await _put(service, user, email, EmailChangeConfirmation(link=link, minutes=MINUTES), address)
    record_email("account.email_change_asked", user, "" if enqueued is Enqueued.QUEUED else f"limit {enqueued}")


async def _link(service: AuthorizeService, user: User, purpose: TokenPurpose, route: Route, email: str) -> str | None:
    token, now = generate_token(), service.clock()
    digest = token_digest(purpose, token)
    if digest is None or not await service.tokens.put(digest, purpose, user, now, now + EMAIL_LIFETIME, email=email):
        return None
    return link_of(route, token)


def link_of(route: Route, token: str) -> str:
    """Where a link in a mail leads, below the issuer."""
    return f"{route.path}?{urlencode({'token': token})}"


async def _put(service: AuthorizeService, about: User, recipient: str, content: Content, address: str) -> Enqueued:
    mail = Mail(
        recipient=recipient,
        subject=about.subject,
        content=content,
        requested_from=address,
        language=language_of_mail(service.pages.languages, about),
    )
    return await service.outbox.put(mail)


async def _over_limit(visited: Visit, typed: str = "") -> web.Response | None:
    """So many mails for one user, whichever addresses they go to."""
    limit = visited.service.email_requests
    if await limit.count(str(visited.session.user.subject)) is Standing.WITHIN:
        return None
    RATE_LIMITED.add("email_requests")
    return _page(visited, EmailError.TOO_MANY, 429, limit.window, typed=typed)


def _address(visited: Visit) -> str:
    return address_group(client_address(visited.request, visited.service.settings.trusted_proxies))


def _page(
    visited: Visit, error: str | None = None, status: int = 200, retry_after: int | None = None, *, typed: str = ""
) -> web.Response:
    service, user, browser = visited.service, visited.session.user, browser_of(visited)
    page = EmailPage(
        form_action=service.path(ACCOUNT_EMAIL),
        csrf_token=form_token(visited, browser),
        account=account_of(user),
        email=user.email,
        is_verified=user.email_verified,
        typed=typed,
        back=service.path(ACCOUNT),
        error=error,
    )
    html = service.pages.account_email(page, reference=current_trace_id())
    return account_response(visited, browser, html, status, retry_after=retry_after)


def record_email(event: str, user: User, refusal: str = "") -> None:
    """Put what became of an address, or of a wish about it, into the audit stream; no ``refusal`` is a success."""
    audit.emit(
        audit.AuditEvent(
            type=event,
            outcome="failure" if refusal else "success",
            reason=refusal,
            subject=user.sub,
            address=caller_address(),
        )
    )
