"""What a person has proven, by which method and when. RFC 8176 says how ID tokens name it."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime


class Method(StrEnum):
    """A way to prove who one is. ``valetkey.authorize.login.methods`` has a file for each."""

    PASSWORD = "password"  # noqa: S105 - the name of a method, not a secret
    PASSKEY = "passkey"
    TOTP = "totp"
    RECOVERY_CODE = "recovery_code"


class Factor(NamedTuple):
    """One proof. ``at`` is UTC; ``is_device_bound`` where the key of a passkey stays in its authenticator."""

    method: Method
    at: datetime
    is_device_bound: bool = False

    @property
    def amr(self) -> tuple[str, ...]:
        """The authentication methods references of this proof alone. RFC 8176 §2."""
        if self.method is Method.PASSKEY:
            return ("hwk" if self.is_device_bound else "swk", "user")
        return _AMR[self.method]


# A recovery code is a password for one use.
_AMR = {Method.PASSWORD: ("pwd",), Method.TOTP: ("otp",), Method.RECOVERY_CODE: ("otp",)}


def merge_factors(older: Iterable[Factor], newer: Iterable[Factor]) -> tuple[Factor, ...]:
    """The last proof by each method, the oldest first.

    A passkey that moves between devices does not take the place of one that stays in its authenticator.
    """
    last = {(factor.method, factor.is_device_bound): factor for factor in sorted((*older, *newer), key=_at)}
    return tuple(sorted(last.values(), key=_at))


def _at(factor: Factor) -> datetime:
    return factor.at
