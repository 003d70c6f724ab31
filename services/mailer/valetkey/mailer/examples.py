"""One example of every kind of mail: templates are tried with them before the first mail has to be sent."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from valetkey.core.mail.content import (
    AccountDeleted,
    DeliveryTest,
    EmailChangeConfirmation,
    EmailChanged,
    EmailInUse,
    EmailReverted,
    EmailVerification,
    Factor,
    FactorAdded,
    FactorRemoved,
    PasswordChanged,
    PasswordReset,
    ProfileChanged,
    RecoveryCodeUsed,
    SignInMethodsSet,
)

if TYPE_CHECKING:
    from valetkey.core.mail.content import Content

_AT = datetime(2026, 5, 4, 12, 30, tzinfo=UTC)
_NAME, _ADDRESS = "Ada Lovelace", "203.0.113.7"

EXAMPLES: tuple[Content, ...] = (
    PasswordReset(name=_NAME, link="/account/reset?token=example", minutes=30, address=_ADDRESS),
    EmailVerification(link="/account/email/verify?token=example", minutes=60),
    EmailChangeConfirmation(link="/account/email/confirm?token=example", minutes=60),
    EmailInUse(minutes=60),
    DeliveryTest(at=_AT),
    EmailChanged(
        name=_NAME, revert_link="/account/email/revert?token=example", minutes=10080, at=_AT, address=_ADDRESS
    ),
    EmailReverted(name=_NAME, at=_AT, address=_ADDRESS),
    ProfileChanged(name=_NAME, at=_AT, address=_ADDRESS),
    AccountDeleted(name=_NAME, at=_AT, address=_ADDRESS),
    PasswordChanged(name=_NAME, at=_AT, address=_ADDRESS),
    FactorAdded(name=_NAME, factor=Factor.PASSKEY, label="Laptop", at=_AT, address=_ADDRESS),
    FactorRemoved(name=_NAME, factor=Factor.TOTP, at=_AT, by_operator=True),
    RecoveryCodeUsed(name=_NAME, remain=7, at=_AT, address=_ADDRESS),
    SignInMethodsSet(name=_NAME, methods=(Factor.PASSWORD, Factor.TOTP), at=_AT),
)
