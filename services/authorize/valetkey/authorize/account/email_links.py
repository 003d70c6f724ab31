"""Behind the links in mails about an address: a page that names it, and a button that does what the mail says.

Opening a link uses nothing up: programs that look at mails open links. A link needs no session, because mails are read
elsewhere too, and begins none. The page says whose account it is about, so that the wrong account is seen.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from valetkey.authorize.account.email import link_of, record_email
from valetkey.authorize.account.notices import name_in_mail
from valetkey.authorize.browser.csrf import require_own_origin
from valetkey.authorize.pages.account_models import EmailLinkDonePage, EmailLinkError, EmailLinkGonePage, EmailLinkPage
from valetkey.authorize.pages.language import language_of_mail
from valetkey.authorize.pages.response import page_response
from valetkey.authorize.service import AUTHORIZE, AuthorizeService
from valetkey.core.authentication.account_token import TokenPurpose, generate_token, token_digest
from valetkey.core.mail.address import MailRefused
from valetkey.core.mail.content import EmailChanged, EmailReverted
from valetkey.core.mail.mail import Mail
from valetkey.core.routes import (
    ACCOUNT,
    ACCOUNT_EMAIL_CONFIRM,
    ACCOUNT_EMAIL_REVERT,
    ACCOUNT_EMAIL_VERIFY,
    RECOVER,
    Route,
)
from valetkey.runtime.http.address import caller_address
from valetkey.runtime.http.forms import read_form, read_query
from valetkey.runtime.telemetry.tracing import current_trace_id
from valetkey.storage.postgres.database.errors import Conflict
from valetkey.storage.postgres.tables.email_changes import Revert, TooManyChanges

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime
    from uuid import UUID

    from aiohttp import web

    from valetkey.core.authentication.user import User
    from valetkey.core.mail.content import Content
    from valetkey.storage.postgres.tables.email_changes import ChangedEmail

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
    Press = Callable[[AuthorizeService, bytes, User, datetime], Awaitable[ChangedEmail | None]]

_WORDS = {
    TokenPurpose.EMAIL_VERIFICATION: "verify",
    TokenPurpose.EMAIL_CHANGE: "confirm",
    TokenPurpose.EMAIL_REVERT: "revert",
}
_DONE = {
    TokenPurpose.EMAIL_VERIFICATION: "verified",
    TokenPurpose.EMAIL_CHANGE: "changed",
    TokenPurpose.EMAIL_REVERT: "reverted",
}


def email_link(purpose: TokenPurpose, route: Route) -> tuple[Handler, Handler]:
    """What shows the page behind the links of a purpose, and what its button does."""

    async def show(request: web.Request) -> web.StreamResponse:
        service = request.app[AUTHORIZE]
        token = read_query(request).get("token") or ""
        digest = token_digest(purpose, token)
        link = None if digest is None else await service.tokens.find_link(digest, purpose, service.clock())
        user = None if link is None else await service.users.find_by_subject(link.subject)
        if link is None or link.email is None or user is None:
            return _gone(service)
        page = EmailLinkPage(
            form_action=service.path(route),
            token=token,
            kind=_WORDS[purpose],
            username=user.username,
            email=link.email,
        )
        return page_response(service.pages.email_link(page, reference=current_trace_id()))

    async def press(request: web.Request) -> web.StreamResponse:
        service, now, done = request.app[AUTHORIZE], request.app[AUTHORIZE].clock(), _DONE[purpose]
        require_own_origin(request.headers, service.settings.issuer_origin)
        digest = token_digest(purpose, (await read_form(request)).get("token") or "")
        subject = None if digest is None else await service.tokens.find(digest, purpose, now)
        user = None if subject is None else await service.users.find_by_subject(subject)
        if digest is None or user is None:
            return _gone(service)
        try:
            changed = await _PRESSES[purpose](service, digest, user, now)
        except Conflict:
            record_email(f"account.email_{done}", user, "the address belongs to another user")
            return _gone(service, EmailLinkError.TAKEN, 409)
        except TooManyChanges:
            record_email(f"account.email_{done}", user, "too many changes that can be undone")
            return _gone(service, EmailLinkError.TOO_OFTEN, 429)
        if changed is None:
            return _gone(service)
        await service.revocations.publish(changed.revocations)
        record_email(f"account.email_{done}", user)
        page = EmailLinkDonePage(
            kind=_WORDS[purpose],
            email=changed.email,
            account_uri=service.path(ACCOUNT),
            recovery_uri=service.path(RECOVER),
        )
        return page_response(service.pages.email_link_done(page, reference=current_trace_id()))

    return show, press


async def _verify(service: AuthorizeService, digest: bytes, _: User, now: datetime) -> ChangedEmail | None:
    return await service.email_changes.verify(digest, now)


async def _confirm(service: AuthorizeService, digest: bytes, user: User, now: datetime) -> ChangedEmail | None:
    token, lifetime = generate_token(), timedelta(seconds=service.settings.account_email_revert)
    revert = token_digest(TokenPurpose.EMAIL_REVERT, token)
    if revert is None:
        return None
    notice = EmailChanged(
        name=name_in_mail(user),
        revert_link=link_of(ACCOUNT_EMAIL_REVERT, token),
        minutes=int(lifetime.total_seconds()) // 60,
        at=now,
        address=caller_address(),
    )
    return await service.email_changes.change(
        digest, now, Revert(revert, now + lifetime), _telling(service, user, notice)
    )


async def _revert(service: AuthorizeService, digest: bytes, user: User, now: datetime) -> ChangedEmail | None:
    notice = EmailReverted(name=name_in_mail(user), at=now, address=caller_address())
    # The address that goes may be an attacker's, who need not learn from where the owner has acted.
    told, told_without_address = (_telling(service, user, each) for each in (notice, replace(notice, address="")))
    return await service.email_changes.revert(digest, now, told, told_without_address)


def _telling(service: AuthorizeService, user: User, content: Content) -> Callable[[UUID, str], Mail | None]:
    language = language_of_mail(service.pages.languages, user)

    def tell(subject: UUID, recipient: str) -> Mail | None:
        try:
            return Mail(recipient=recipient, subject=subject, content=content, language=language)
        except MailRefused:
            # An address that operators could store before there was mail, and that no mail can go to.
            return None

    return tell


_PRESSES: dict[TokenPurpose, Press] = {
    TokenPurpose.EMAIL_VERIFICATION: _verify,
    TokenPurpose.EMAIL_CHANGE: _confirm,
    TokenPurpose.EMAIL_REVERT: _revert,
}
EMAIL_LINKS: dict[Route, tuple[Handler, Handler]] = {
    route: email_link(purpose, route)
    for purpose, route in (
        (TokenPurpose.EMAIL_VERIFICATION, ACCOUNT_EMAIL_VERIFY),
        (TokenPurpose.EMAIL_CHANGE, ACCOUNT_EMAIL_CONFIRM),
        (TokenPurpose.EMAIL_REVERT, ACCOUNT_EMAIL_REVERT),
    )
}


def _gone(service: AuthorizeService, error: EmailLinkError = EmailLinkError.GONE, status: int = 410) -> web.Response:
    """A link that is used, too old, ended with its user or the address, or none of ours: all look the same."""
    page = EmailLinkGonePage(error=error, account_uri=service.path(ACCOUNT))
    return page_response(service.pages.email_link_gone(page, reference=current_trace_id()), status=status)
