"""The settings of what people sign in with beside a password."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

from valetkey.runtime.settings import types as t
from valetkey.runtime.settings.keys import key_list
from valetkey.runtime.settings.reader import Setting
from valetkey.runtime.settings.secret import Secret

_DAY = 86400


class KeepSignedIn(StrEnum):
    """Whether a session stays when the browser is closed."""

    NEVER = "never"
    CHOICE = "choice"
    ALWAYS = "always"


@dataclass(frozen=True, kw_only=True)
class SignInSettings:
    """A part of ``Settings``."""

    passkeys: Annotated[
        bool,
        Setting(
            t.switch, "Whether people may sign in with passkeys. Browsers have none for an issuer that is an address."
        ),
    ] = True
    passkey_rp_id: Annotated[
        str,
        Setting(
            t.domain,
            "Domain that passkeys are bound to, for good: the issuer's host where unset, or one that it is in. After a "
            "change the passkeys from before no longer work.",
        ),
    ] = ""
    keep_signed_in: Annotated[
        str,
        Setting(
            t.choice(*KeepSignedIn),
            "Whether people stay signed in when they close the browser: never, by choice at each login, or always.",
        ),
    ] = KeepSignedIn.NEVER.value
    kept_session_idle_lifetime: Annotated[
        int,
        Setting(
            t.seconds(60, 90 * _DAY),
            "An unused session that stays when the browser is closed ends; no sooner than another one.",
        ),
    ] = 14 * _DAY
    credential_keys: Annotated[
        Secret[tuple[bytes, ...]],
        Setting(
            key_list,
            "Keys that seal the secrets of authenticator apps in PostgreSQL: the first seals, all open. Unset: no app "
            "can be set up. A key that goes takes with it the apps whose users have not signed in since.",
            secret=True,
        ),
    ] = field(default=Secret.unset("VALETKEY_CREDENTIAL_KEYS"))
