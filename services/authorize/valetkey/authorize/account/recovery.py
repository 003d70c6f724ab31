"""A forgotten password: a link by mail, good once and for half an hour, and a page with a button behind it.

The answer is the same for every name, in words, status and time: what is found out about the name is found out
afterwards. A link begins no session and removes no second factor: behind it there is a new password, no more.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from valetkey.authorize.account.after_answers import RETRY_AFTER
from valetkey.authorize.account.notices import name_in_mail, tell_password_changed
from valetkey.authorize.browser.csrf import require_own_origin
from valetkey.authorize.pages.account_models import (
    PasswordError,
    RecoverPage,
    RecoveryError,
    RecoverySentPage,
    ResetDonePage,
    ResetPasswordPage,
)
from valetkey.authorize.pages.language import language_of_mail, with_language
from valetkey.authorize.pages.response import page_response, see_other
from valetkey.authorize.pages.shown_error import LinkGone
from valetkey.authorize.service import AUTHORIZE, AuthorizeService
from valetkey.core.authentication.account_token import LIFETIME, TokenPurpose, generate_token, token_digest
from valetkey.core.authentication.user import MAX_LOGIN_NAME_LENGTH, normalize_login_name
from valetkey.core.mail.address import MailRefused
from valetkey.core.mail.content import PasswordReset
from valetkey.core.mail.mail import Enqueued, Mail
from valetkey.core.oauth.errors import TemporarilyUnavailable
from valetkey.core.routes import ACCOUNT, HOME, RECOVER, RECOVER_PASSWORD
from valetkey.runtime.http.address import address_group, caller_address, client_address
from valetkey.runtime.http.forms import read_form, read_query
from valetkey.runtime.password_rules import password_problem
from valetkey.runtime.telemetry import audit
from valetkey.runtime.telemetry.metrics import PASSWORD_RECOVERIES, RATE_LIMITED
from valetkey.runtime.telemetry.tracing import current_trace_id
from valetkey.storage.redis.limits.window_limit import Standing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web

    from valetkey.core.authentication.user import User

_LOG = logging.getLogger(__name__)
_PURPOSE = TokenPurpose.PASSWORD_RESET
# By audit event.
_RESULTS: Mapping[tuple[str, audit.Outcome], str] = {
    ("account.recovery_asked", "success"): "sent",
    ("account.recovery_asked", "failure"): "not_sent",
    ("account.password_reset", "success"): "changed",
}


async def show_recovery(request: web.Request) -> web.StreamResponse:
    """Whose password is forgotten; home where no mail can be sent."""
    service = request.app[AUTHORIZE]
    read_query(request)
    return _ask(service) if service.outbox.is_configured else see_other(service.path(HOME))


async def ask_for_link(request: web.Request) -> web.StreamResponse:
    """Say that a mail is on its way, whether there is one or not."""
    service = request.app[AUTHORIZE]
    require_own_origin(request.headers, service.settings.issuer_origin)
    name = (await read_form(request)).get("username")
    if not service.outbox.is_configured:
        return see_other(service.path(HOME))
    if name is None or len(name) > MAX_LOGIN_NAME_LENGTH:
        return _ask(service, RecoveryError.NO_NAME, 400)
    address = address_group(client_address(request, service.settings.trusted_proxies))
    if await service.recoveries.count(address) is not Standing.WITHIN:
        RATE_LIMITED.add("recoveries")
        return _ask(service, RecoveryError.TOO_MANY, 429, service.recoveries.window)
    if not service.after_answers.has_room:
        return _ask(service, RecoveryError.BUSY, 503, RETRY_AFTER)
    service.after_answers.begin(_send(service, name, address))
    page = RecoverySentPage(typed=name, minutes=_minutes())
    return page_response(service.pages.recovery_sent(page, reference=current_trace_id()))


async def show_reset(request: web.Request) -> web.StreamResponse:
    """The form behind a link. Opening it uses nothing up: programs that look at mails open links."""
    service = request.app[AUTHORIZE]
    token = read_query(request).get("token") or ""
    return _form(service, token) if await _owner(service, token) is not None else _gone(service)


async def reset_password(request: web.Request) -> web.StreamResponse:
    """Use the link up and store the password. Every session and grant of its user ends, and second factors stay."""
    service = request.app[AUTHORIZE]
    require_own_origin(request.headers, service.settings.issuer_origin)
    form = await read_form(request)
    token, password, again = form.get("token") or "", form.get("password"), form.get("again")
    user = await _owner(service, token)
    if user is None:
        return _gone(service)
    if password is None or again is None:
        return _form(service, token, PasswordError.INCOMPLETE, 400)
    if password != again:
        return _form(service, token, PasswordError.DIFFERENT, 400)
    names = tuple(name for name in (user.username, user.email) if name is not None)
    if (problem := password_problem(password, names, service.settings.password_max_length)) is not None:
        return _form(service, token, problem, 400)
    try:
        password_hash = await service.passwords.hash(password)
    except TemporarilyUnavailable as error:
        return _form(service, token, PasswordError.BUSY, 503, error.retry_after)
    return await _reset(service, token, user, password_hash)


async def _reset(service: AuthorizeService, token: str, user: User, password_hash: str) -> web.StreamResponse:
    now, digest = service.clock(), token_digest(_PURPOSE, token)
    ended = None if digest is None else await service.user_lifecycle.reset_password(digest, password_hash, now)
    if ended is None:
        return _gone(service)
    await service.revocations.publish(ended)
    record_recovery("account.password_reset", user, "success", "")
    await tell_password_changed(service, user)
    page = ResetDonePage(account_uri=service.path(ACCOUNT))
    return page_response(service.pages.reset_done(page, reference=current_trace_id()))


async def _send(service: AuthorizeService, name: str, address: str) -> None:
    """Send the link to the address that is proven to be the user's; say in the log where there is none."""
    key = normalize_login_name(name)
    found = None if key is None else await service.users.find_by_login_name(key)
    user = None if found is None else found[0]
    if user is None or not user.enabled:
        record_recovery("account.recovery_asked", user, "failure", "unknown user" if user is None else "disabled user")
        return
    if user.email is None or not user.email_verified:
        record_recovery("account.recovery_asked", user, "failure", "no verified e-mail address")
        return
    token, now = generate_token(), service.clock()
    digest = token_digest(_PURPOSE, token)
    if digest is None or not await service.tokens.put(digest, _PURPOSE, user, now, now + LIFETIME):
        return
    content = PasswordReset(
        name=name_in_mail(user),
        link=f"{RECOVER_PASSWORD.path}?{urlencode({'token': token})}",
        minutes=_minutes(),
        address=caller_address(),
    )
    try:
        mail = Mail(
            recipient=user.email,
            subject=user.subject,
            content=content,
            requested_from=address,
            language=language_of_mail(service.pages.languages, user),
        )
        result = await service.outbox.put(mail)
    except MailRefused as error:
        record_recovery("account.recovery_asked", user, "failure", str(error))
        return
    if result is not Enqueued.QUEUED:
        record_recovery("account.recovery_asked", user, "failure", f"mail: {result}")
        return
    record_recovery("account.recovery_asked", user, "success", "")


async def _owner(service: AuthorizeService, token: str) -> User | None:
    digest = token_digest(_PURPOSE, token)
    subject = None if digest is None else await service.tokens.find(digest, _PURPOSE, service.clock())
    return None if subject is None else await service.users.find_by_subject(subject)


def _ask(
    service: AuthorizeService, error: str | None = None, status: int = 200, retry_after: int | None = None
) -> web.Response:
    page = RecoverPage(form_action=with_language(service.path(RECOVER)), error=error)
    html = service.pages.recover(page, reference=current_trace_id())
    return page_response(html, status=status, retry_after=retry_after)


def _form(
    service: AuthorizeService, token: str, error: str | None = None, status: int = 200, retry_after: int | None = None
) -> web.Response:
    page = ResetPasswordPage(form_action=with_language(service.path(RECOVER_PASSWORD)), token=token, error=error)
    html = service.pages.reset_password(page, reference=current_trace_id())
    return page_response(html, status=status, retry_after=retry_after, runs_script=True)


def _gone(service: AuthorizeService) -> web.Response:
    """A link that is used, too old, ended with its user, or none of ours: all look the same."""
    PASSWORD_RECOVERIES.add("dead_link")
    if not service.outbox.is_configured:
        raise LinkGone("the link to choose a password behind counts no longer")
    return _ask(service, RecoveryError.GONE, 410)


def _minutes() -> int:
    return int(LIFETIME.total_seconds()) // 60


def record_recovery(event: str, user: User | None, outcome: audit.Outcome, reason: str) -> None:
    """Count what became of a request for a link, or of a link, and put it into the audit stream."""
    PASSWORD_RECOVERIES.add(_RESULTS[event, outcome])
    audit.emit(
        audit.AuditEvent(
            type=event,
            outcome=outcome,
            reason=reason,
            subject="" if user is None else user.sub,
            address=caller_address(),
        )
    )
