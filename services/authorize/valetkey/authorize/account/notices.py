"""Mails that tell a user what has changed, to the address that is proven to be the user's; none without one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from valetkey.authorize.pages.language import language_of_mail
from valetkey.core.authentication.factor import Method
from valetkey.core.mail.address import MailRefused
from valetkey.core.mail.content import (
    AccountDeleted,
    FactorAdded,
    FactorRemoved,
    PasswordChanged,
    ProfileChanged,
    RecoveryCodeUsed,
)
from valetkey.core.mail.content import Factor as MailFactor
from valetkey.core.mail.mail import Mail
from valetkey.runtime.http.address import caller_address

if TYPE_CHECKING:
    from uuid import UUID

    from valetkey.authorize.service import AuthorizeService
    from valetkey.core.authentication.user import User
    from valetkey.core.mail.content import Content

_MOST_NAME = 100
_FACTORS = {
    Method.PASSWORD: MailFactor.PASSWORD,
    Method.PASSKEY: MailFactor.PASSKEY,
    Method.TOTP: MailFactor.TOTP,
    Method.RECOVERY_CODE: MailFactor.RECOVERY_CODES,
}


def name_in_mail(user: User) -> str:
    """What a mail calls the user."""
    return user.display_name[:_MOST_NAME]


async def tell_password_changed(service: AuthorizeService, user: User) -> None:
    """The password is another one."""
    await _tell(service, user, PasswordChanged(name=name_in_mail(user), at=service.clock(), address=caller_address()))


async def tell_added(service: AuthorizeService, user: User, method: Method) -> None:
    """There is one more way to sign in, or one more step."""
    content = FactorAdded(
        name=name_in_mail(user), factor=_FACTORS[method], at=service.clock(), address=caller_address()
    )
    await _tell(service, user, content)


async def tell_removed(service: AuthorizeService, user: User, method: Method) -> None:
    """There is one less."""
    content = FactorRemoved(
        name=name_in_mail(user), factor=_FACTORS[method], at=service.clock(), address=caller_address()
    )
    await _tell(service, user, content)


async def tell_recovery_code_used(service: AuthorizeService, user: User, left: int) -> None:
    """A recovery code has stood in for the second factor."""
    content = RecoveryCodeUsed(name=name_in_mail(user), remain=left, at=service.clock(), address=caller_address())
    await _tell(service, user, content)


async def tell_profile_changed(service: AuthorizeService, user: User) -> None:
    """What is known of the user is changed."""
    await _tell(service, user, ProfileChanged(name=name_in_mail(user), at=service.clock(), address=caller_address()))


def deletion_notice(service: AuthorizeService, user: User) -> Mail | None:
    """The last mail. It is about no user any more, or it would go with the user."""
    content = AccountDeleted(name=name_in_mail(user), at=service.clock(), address=caller_address())
    return _notice(service, user, content, None)


async def _tell(service: AuthorizeService, user: User, content: Content) -> None:
    if (mail := _notice(service, user, content, user.subject)) is not None:
        await service.outbox.put(mail)


def _notice(service: AuthorizeService, user: User, content: Content, subject: UUID | None) -> Mail | None:
    if user.email is None or not user.email_verified or not service.outbox.is_configured:
        return None
    try:
        language = language_of_mail(service.pages.languages, user)
        return Mail(recipient=user.email, subject=subject, content=content, language=language)
    except MailRefused:
        # An address that operators could store before there was mail, and that no mail can go to.
        return None
