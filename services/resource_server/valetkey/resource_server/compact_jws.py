"""A JWS in compact form, taken apart strictly. Knows nothing of keys or claims."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from valetkey.resource_server import strict_json
from valetkey.resource_server.error import InvalidToken

MAX_TOKEN_LENGTH = 16 * 1024
"""Characters; anything longer is refused before it is looked at."""

_PARTS = 3


@dataclass(frozen=True, slots=True)
class CompactJws:
    """Header, payload and signature, none of them verified. RFC 7515 §7.1."""

    header: Mapping[str, Any]
    payload: bytes
    signing_input: bytes
    signature: bytes


def parse_compact_jws(token: str) -> CompactJws:
    """The parts of `token`. RFC 7515 §5.2 steps 1-4. Raises InvalidToken."""
    if len(token) > MAX_TOKEN_LENGTH or not token.isascii():
        raise InvalidToken("not a compact JWS: too long or not ASCII")
    parts = token.encode("ascii").split(b".")
    if len(parts) != _PARTS:
        raise InvalidToken("not a compact JWS: wrong number of parts")
    header, payload, signature = (_decode(part) for part in parts)
    return CompactJws(
        header=parse_json(header),
        payload=payload,
        signing_input=b".".join(parts[:2]),
        signature=signature,
    )


def parse_json(text: bytes) -> dict[str, Any]:
    """The JSON object in one part of a token. Raises InvalidToken."""
    try:
        return strict_json.parse_object(text)
    except ValueError:
        raise InvalidToken("a part of the token is not a well-formed JSON object") from None


def _decode(part: bytes) -> bytes:
    try:
        decoded = base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4))
    except binascii.Error:
        raise InvalidToken("not base64url") from None
    # Stricter than RFC 7515 §2: one value has one spelling, so a token cannot be altered and stay valid.
    if base64.urlsafe_b64encode(decoded).rstrip(b"=") != part:
        raise InvalidToken("not canonical base64url")
    return decoded
