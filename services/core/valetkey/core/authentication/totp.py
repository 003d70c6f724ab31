"""Time-based one-time passwords. RFC 6238, RFC 4226.

SHA-1, six digits and thirty seconds, because common apps ignore what else an ``otpauth`` address says.
"""

from __future__ import annotations

import hmac
import secrets
from base64 import b32encode
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

if TYPE_CHECKING:
    from datetime import datetime

SECRET_BYTES = 20  # RFC 4226 §4, R6
DIGITS = 6
STEP_SECONDS = 30
# How many steps a clock may be off, in either direction. RFC 6238 §5.2.
_WINDOW = 1


def generate_secret() -> bytes:
    """A new secret that an app and we share."""
    return secrets.token_bytes(SECRET_BYTES)


def code_at(secret: bytes, step: int) -> str:
    """The code of one time step. RFC 4226 §5.3."""
    digest = hmac.digest(secret, step.to_bytes(8), "sha1")
    offset = digest[-1] & 0xF
    number = int.from_bytes(digest[offset : offset + 4]) & 0x7FFFFFFF
    return str(number % 10**DIGITS).zfill(DIGITS)


def matching_step(secret: bytes, typed: str, now: datetime) -> int | None:
    """The time step whose code was typed, None where it is that of none near ``now``. Spaces between digits are fine.

    That a step counts once is a matter of who stores the last one.
    """
    presented = "".join(typed.split())
    if not presented.isascii() or not presented.isdecimal() or len(presented) != DIGITS:
        return None
    current = int(now.timestamp()) // STEP_SECONDS
    steps = range(max(current - _WINDOW, 0), current + _WINDOW + 1)
    # Every step is compared, so that the time taken does not tell which one it was.
    found = [step for step in steps if hmac.compare_digest(code_at(secret, step), presented)]
    return found[-1] if found else None


def otpauth_uri(secret: bytes, issuer: str, account: str) -> str:
    """What a QR code tells an app: the Key Uri Format of Google Authenticator.

    A colon divides the issuer from the account in the label, so that neither may have one.
    """
    label = quote(f"{issuer.replace(':', ' ')}:{account.replace(':', ' ')}", safe="")
    query = urlencode({"secret": secret_text(secret), "issuer": issuer.replace(":", " ")}, quote_via=quote)
    return f"otpauth://totp/{label}?{query}"


def secret_text(secret: bytes) -> str:
    """A secret as people type it into an app that reads no QR code. RFC 4648 §6."""
    return b32encode(secret).decode().rstrip("=")
