"""Every second factor, and what can be set up; the one first that is asked for first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from valetkey.authorize.login.methods.passkey import NAME as PASSKEY_NAME
from valetkey.authorize.login.methods.passkey import PasskeyEnrolment, PasskeyFactor
from valetkey.authorize.login.methods.recovery_code import RecoveryCode
from valetkey.authorize.login.methods.totp import NAME as TOTP_NAME
from valetkey.authorize.login.methods.totp import Totp, TotpEnrolment
from valetkey.core.authentication.factor import Method

if TYPE_CHECKING:
    from collections.abc import Mapping

    from valetkey.authorize.login.methods.method import Enrolment, SecondFactor

_SECOND_FACTORS = (PasskeyFactor(), Totp(), RecoveryCode())
SECOND_FACTORS: Mapping[Method, SecondFactor] = {each.method: each for each in _SECOND_FACTORS}
ENROLMENTS: Mapping[Method, Enrolment] = {each.method: each for each in (PasskeyEnrolment(), TotpEnrolment())}
# What they are called, as it is stored, where their user gave no name.
_NAMES = {Method.TOTP: TOTP_NAME, Method.PASSKEY: PASSKEY_NAME}


def credential_words(method: Method, name: str) -> str:
    """What a credential is called; a ``Message`` where its user has given it no name."""
    usual = _NAMES.get(method)
    return usual if usual is not None and usual == name else name
