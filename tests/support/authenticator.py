"""An authenticator app: RFC 6238 written a second time, with a secret read off the page."""

from __future__ import annotations

import hashlib
import hmac
import struct
from base64 import b32decode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from support.browser import Answer


@dataclass(frozen=True, slots=True)
class AuthenticatorApp:
    """What a phone keeps."""

    secret: bytes = field(repr=False)

    def code(self, now: datetime, steps: int = 0) -> str:
        """The code that it shows now, or so many steps of thirty seconds later."""
        counter = struct.pack(">Q", int(now.timestamp()) // 30 + steps)
        mac = hmac.new(self.secret, counter, hashlib.sha1).digest()
        start = mac[19] & 15
        (number,) = struct.unpack(">I", mac[start : start + 4])
        return f"{(number & 0x7FFFFFFF) % 1_000_000:06d}"


def read_off(page: Answer) -> AuthenticatorApp:
    """The app after its user has typed the key of the page that sets one up."""
    text = page.page.get("code").text.replace(" ", "")
    return AuthenticatorApp(b32decode(text + "=" * (-len(text) % 8)))
