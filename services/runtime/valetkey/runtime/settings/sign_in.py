"""The settings of what people sign in with beside a password."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from valetkey.runtime.settings import types as t
from valetkey.runtime.settings.keys import key_list
from valetkey.runtime.settings.reader import Setting
from valetkey.runtime.settings.secret import Secret


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
    credential_keys: Annotated[
        Secret[tuple[bytes, ...]],
        Setting(
            key_list,
            "Keys that seal the secrets of authenticator apps in PostgreSQL: the first seals, all open. Unset: no app "
            "can be set up. A key that goes takes with it the apps whose users have not signed in since.",
            secret=True,
        ),
    ] = field(default=Secret.unset("VALETKEY_CREDENTIAL_KEYS"))
