"""Device cookies: which accounts a browser has signed in to before, so that an attacker cannot lock the user out.

The cookie is no login. It opens a budget of password attempts that other browsers cannot spend, and one of logins
begun. OWASP: Slow Down Online Guessing Attacks with Device Cookies.
"""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from valetkey.authorize.browser.keyed_mac import Mac
from valetkey.core.encoding import b64url_encode

MAX_ACCOUNTS = 4
# One for each account, and one that says that a user has signed in here. The previous release takes no more either.
_MAX_CODES = MAX_ACCOUNTS + 1
_COOKIE = re.compile(rf"[A-Za-z0-9_-]{{22}}(\.[A-Za-z0-9_-]{{43}}){{1,{_MAX_CODES}}}")


@dataclass(frozen=True, slots=True)
class Device:
    """A browser by its random name, with a code of its own and one for each account that it has signed in to."""

    device_id: str
    codes: tuple[str, ...]

    def __str__(self) -> str:
        return ".".join((self.device_id, *self.codes))


class Devices:
    """Reads, checks and extends device cookies."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._mac = Mac(keys, "device cookie")

    def parse(self, cookie: str | None) -> Device | None:
        """The device a cookie claims to be; its codes are believed only by ``knows``."""
        if cookie is None or not _COOKIE.fullmatch(cookie):
            return None
        device_id, *codes = cookie.split(".")
        return Device(device_id, tuple(codes))

    def is_ours(self, device: Device) -> bool:
        """Whether any user has signed in on this device; no account need be named to ask."""
        return any(self._mac.is_valid(code, device.device_id) for code in device.codes)

    def knows(self, device: Device | None, subject: UUID) -> bool:
        """Whether this account has been signed in to on this device."""
        if device is None:
            return False
        return any(self._mac.is_valid(code, device.device_id, str(subject)) for code in device.codes)

    def remember(self, device: Device | None, subject: UUID) -> Device:
        """The device after one more sign-in; the account used longest ago makes room."""
        device_id = b64url_encode(secrets.token_bytes(16)) if device is None else device.device_id
        older = () if device is None else device.codes
        made = (self._mac.make(device_id), self._mac.make(device_id, str(subject)))
        kept = (
            code
            for code in older
            if not self._mac.is_valid(code, device_id) and not self._mac.is_valid(code, device_id, str(subject))
        )
        return Device(device_id, (*made, *kept)[:_MAX_CODES])
