"""Every second factor, and what can be set up; the one first that is asked for first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from valetkey.authorize.login.methods.passkey import PasskeyEnrolment, PasskeyFactor
from valetkey.authorize.login.methods.recovery_code import RecoveryCode
from valetkey.authorize.login.methods.totp import Totp, TotpEnrolment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from valetkey.authorize.login.methods.method import Enrolment, SecondFactor
    from valetkey.core.authentication.factor import Method

_SECOND_FACTORS = (PasskeyFactor(), Totp(), RecoveryCode())
SECOND_FACTORS: Mapping[Method, SecondFactor] = {each.method: each for each in _SECOND_FACTORS}
ENROLMENTS: Mapping[Method, Enrolment] = {each.method: each for each in (PasskeyEnrolment(), TotpEnrolment())}
