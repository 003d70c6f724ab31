"""What each kind of mail is given. The class says the kind; its fields are the whole vocabulary of its templates.

Besides these, every template sees ``theme_name``, ``issuer``, and ``recipient``. A ``link`` is a path with its query,
below the issuer: whatever sends the mail puts the configured issuer in front of it, so that no mail leads elsewhere.

A mail to an address that is not proven yet has no name in it: the one who asks for it could make it say anything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from valetkey.core.mail.address import MailRefused

_LINK = re.compile(r"/[A-Za-z0-9._~/-]{1,200}(?:\?[A-Za-z0-9._~=&%-]{1,500})?")
LINKS = frozenset({"link", "revert_link"})
MAX_TEXT_LENGTH = 300


class Factor(StrEnum):
    """A way to sign in, in words."""

    PASSWORD = "password"  # noqa: S105 - the word
    PASSKEY = "passkey"
    TOTP = "authenticator app"
    RECOVERY_CODES = "recovery codes"


class _Content:
    """The checks of all kinds."""

    __slots__ = ()

    def __post_init__(self) -> None:
        """Raise ``MailRefused`` for a link that leads elsewhere, or a text without end."""
        for field in fields(self):  # type: ignore[arg-type] # every kind is a dataclass
            value = getattr(self, field.name)
            texts = value if isinstance(value, tuple) else (value,)
            if any(isinstance(text, str) and len(text) > MAX_TEXT_LENGTH for text in texts if field.name not in LINKS):
                raise MailRefused(f"{field.name} is longer than {MAX_TEXT_LENGTH} characters")
            if field.name in LINKS and _LINK.fullmatch(value) is None:
                raise MailRefused(f"{field.name} is not a path below the issuer")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Link(_Content):
    """A link that was asked for; it is good for so many ``minutes``."""

    is_requested: ClassVar = True
    link: str
    minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Notice(_Content):
    """What has changed, ``at`` which moment, and from which ``address`` if that is known."""

    is_requested: ClassVar = False
    name: str
    at: datetime
    address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _FactorNotice(_Notice):
    """The same of a way to sign in, or of a step; ``label`` is what the user calls it."""

    factor: Factor
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordReset(_Link):
    """A link to set a new password, asked for from ``address``."""

    kind: ClassVar = "password_reset"
    name: str
    address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailVerification(_Link):
    """A link that proves who reads the mail of this address."""

    kind: ClassVar = "email_verification"


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailChangeConfirmation(_Link):
    """To the new address: a link that puts it in the place of the old one."""

    kind: ClassVar = "email_change_confirmation"


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailInUse(_Content):
    """To an address that was to become that of another account, and belongs to one already: nothing has changed."""

    kind: ClassVar = "email_in_use"
    is_requested: ClassVar = True
    minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryTest(_Content):
    """An operator wants to see whether mail arrives."""

    kind: ClassVar = "test"
    is_requested: ClassVar = True
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailChanged(_Notice):
    """To the old address: it is replaced by another, and a link that undoes that for so many ``minutes``."""

    kind: ClassVar = "email_changed"
    revert_link: str
    minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailReverted(_Notice):
    """To both addresses: the change is undone, and everything has ended that was signed in."""

    kind: ClassVar = "email_reverted"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileChanged(_Notice):
    """What is known of the user is changed."""

    kind: ClassVar = "profile_changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountDeleted(_Notice):
    """The account is no more."""

    kind: ClassVar = "account_deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordChanged(_Notice):
    """The password is another one."""

    kind: ClassVar = "password_changed"
    by_operator: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorAdded(_FactorNotice):
    """There is one more."""

    kind: ClassVar = "factor_added"


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorRemoved(_FactorNotice):
    """There is one less."""

    kind: ClassVar = "factor_removed"
    by_operator: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryCodeUsed(_Notice):
    """A recovery code has stood in for another factor; so many ``remain``."""

    kind: ClassVar = "recovery_code_used"
    remain: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInMethodsSet(_Content):
    """An operator has changed how the user signs in; ``methods`` are the ways there are from now on."""

    kind: ClassVar = "sign_in_methods_set"
    is_requested: ClassVar = False
    name: str
    methods: tuple[Factor, ...]
    at: datetime


Content = (
    PasswordReset
    | EmailVerification
    | EmailChangeConfirmation
    | EmailInUse
    | DeliveryTest
    | EmailChanged
    | EmailReverted
    | ProfileChanged
    | AccountDeleted
    | PasswordChanged
    | FactorAdded
    | FactorRemoved
    | RecoveryCodeUsed
    | SignInMethodsSet
)
KINDS: dict[str, type[Content]] = {
    each.kind: each
    for each in (
        PasswordReset,
        EmailVerification,
        EmailChangeConfirmation,
        EmailInUse,
        DeliveryTest,
        EmailChanged,
        EmailReverted,
        ProfileChanged,
        AccountDeleted,
        PasswordChanged,
        FactorAdded,
        FactorRemoved,
        RecoveryCodeUsed,
        SignInMethodsSet,
    )
}


def useful_for(content: Content, at_most: timedelta) -> timedelta:
    """How long it makes sense to try to send it: no longer than its link is good for."""
    minutes = getattr(content, "minutes", None)
    return at_most if minutes is None else min(at_most, timedelta(minutes=minutes))
