"""The settings of what people may do with their own account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from valetkey.core.oidc.claims.registry import EDITABLE_CLAIMS
from valetkey.runtime.settings import types as t
from valetkey.runtime.settings.reader import Setting

_HOUR = 3600
_DAY = 86400


@dataclass(frozen=True, kw_only=True)
class AccountSettings:
    """A part of ``Settings``."""

    account_editable: Annotated[
        tuple[str, ...],
        Setting(
            t.choices_or_none(*EDITABLE_CLAIMS),
            "Claims that people may edit on the account page, in this order; users whom an applied file owns, none.",
        ),
    ] = ("name", "given_name", "family_name", "nickname", "locale", "zoneinfo")
    account_email_revert: Annotated[
        int,
        Setting(
            t.seconds(_HOUR, 30 * _DAY),
            "How long the link is good that undoes a change of an e-mail address; it goes to the former one.",
        ),
    ] = 7 * _DAY
    account_deletion: Annotated[
        bool,
        Setting(t.switch, "Whether people may delete their own account; of users whom an applied file owns, none may."),
    ] = False
