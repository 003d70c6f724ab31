"""Base64url without padding, decoded strictly. RFC 7515 §2."""

from __future__ import annotations

import binascii
import re

_ALPHABET = re.compile(r"[A-Za-z0-9_-]*")
_TO_URL = bytes.maketrans(b"+/", b"-_")
_FROM_URL = bytes.maketrans(b"-_", b"+/")


def b64url(data: bytes) -> bytes:
    """The base64url form, without padding, as ASCII bytes."""
    return binascii.b2a_base64(data, newline=False).translate(_TO_URL, b"=")


def b64url_encode(data: bytes) -> str:
    """The base64url form, without padding."""
    return b64url(data).decode("ascii")


def b64url_decode(text: str) -> bytes:
    """The bytes; ``ValueError`` for padding, a foreign character, or an encoding that is not the canonical one."""
    if not _ALPHABET.fullmatch(text) or len(text) % 4 == 1:
        raise ValueError("not base64url")
    try:
        data = binascii.a2b_base64(text.encode("ascii").translate(_FROM_URL) + b"=" * (-len(text) % 4))
    except binascii.Error as error:
        raise ValueError("not base64url") from error
    if b64url_encode(data) != text:
        raise ValueError("not canonical base64url")
    return data
