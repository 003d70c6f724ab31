"""Message authentication codes over several values, under the cookie keys: the first makes, all are accepted."""

import hashlib
import hmac
from collections.abc import Sequence

from valetkey.core.encoding import b64url_encode


class Mac:
    """Codes for one purpose; a code made for another purpose never verifies here. HMAC-SHA256, RFC 2104."""

    def __init__(self, keys: Sequence[bytes], purpose: str) -> None:
        if not keys:
            raise ValueError("a MAC needs a key")
        self._keys = tuple(hmac.digest(key, purpose.encode(), hashlib.sha256) for key in keys)

    def make(self, *values: str) -> str:
        """The code of these values, in this order and division: 43 characters of base64url."""
        return _code(self._keys[0], values)

    def every(self, *values: str) -> list[str]:
        """The code of these values under each key, the one that makes codes first."""
        return [_code(key, values) for key in self._keys]

    def is_valid(self, code: str, *values: str) -> bool:
        """Whether one of the keys made this code for these values, in constant time."""
        presented = code.encode()
        found = [hmac.compare_digest(presented, _code(key, values).encode()) for key in self._keys]
        return any(found)


def _code(key: bytes, values: Sequence[str]) -> str:
    message = bytearray()
    for value in values:
        encoded = value.encode()
        # The length keeps ("ab", "c") apart from ("a", "bc").
        message += len(encoded).to_bytes(4, "big") + encoded
    return b64url_encode(hmac.digest(key, bytes(message), hashlib.sha256))
