"""PBKDF2 with HMAC and SHA-1, SHA-256 or SHA-512, as Keycloak, Django and passlib have it. RFC 8018 §5.2.

Hashes of it are checked, and never made. They are kept in the PHC string format, with the length of the hash in bytes
among the parameters, for it decides the work too: ``$pbkdf2-sha256$i=600000,l=32$<salt>$<hash>``.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from base64 import b64decode, b64encode
from binascii import Error
from hmac import compare_digest

_DIGESTS = {"sha1": 20, "sha256": 32, "sha512": 64}
_PARAMETERS = re.compile(
    r"\$pbkdf2-(?P<digest>sha1|sha256|sha512)\$i=(?P<iterations>[1-9][0-9]{0,9}),l=(?P<length>[1-9][0-9]{0,3})\$"
)
_HASH = re.compile(rf"(?P<parameters>{_PARAMETERS.pattern})(?P<salt>[A-Za-z0-9+/]*)\$(?P<tag>[A-Za-z0-9+/]+)")
_PASSLIB = re.compile(
    r"\$pbkdf2(?:-(?P<digest>sha256|sha512))?\$(?P<iterations>[0-9]{1,10})\$(?P<salt>[A-Za-z0-9./]*)\$(?P<tag>[A-Za-z0-9./]+)"
)
_DJANGO = re.compile(
    r"pbkdf2_(?P<digest>sha1|sha256)\$(?P<iterations>[0-9]{1,10})\$(?P<salt>[^$]+)\$(?P<tag>[A-Za-z0-9+/]+)=*"
)
_PHC = re.compile(
    r"\$pbkdf2-(?P<digest>sha1|sha256|sha512)\$i=(?P<iterations>[0-9]{1,10})(?:,l=[0-9]{1,4})?"
    r"\$(?P<salt>[A-Za-z0-9+/]*)=*\$(?P<tag>[A-Za-z0-9+/]+)=*"
)
_SALT_BYTES = 16
_MOST_LENGTH = 64
_MOST_WORK = 2_000_000  # iterations of all blocks: about a second


class Pbkdf2:
    """See ``PasswordScheme``."""

    def stored_form(self, password_hash: str) -> str | None:
        """See ``PasswordScheme``."""
        if match := _DJANGO.fullmatch(password_hash):
            salt, tag = match["salt"].encode(), match["tag"]
            return pbkdf2_hash(match["digest"], int(match["iterations"]), salt, _decode(tag))
        match = _PHC.fullmatch(password_hash) or _PASSLIB.fullmatch(password_hash.replace("+", "."))
        if match is None:
            return None
        salt, tag = (_decode(match[name].replace(".", "+")) for name in ("salt", "tag"))
        return pbkdf2_hash(match["digest"] or "sha1", int(match["iterations"]), salt, tag)

    def parameters_of(self, password_hash: str) -> str | None:
        """See ``PasswordScheme``."""
        match = _HASH.fullmatch(password_hash)
        return None if match is None or len(_decode(match["tag"])) != int(match["length"]) else match["parameters"]

    def are_parameters(self, text: str) -> bool:
        """See ``PasswordScheme``."""
        return _PARAMETERS.fullmatch(text) is not None

    def cost_problem(self, parameters: str) -> str | None:
        """See ``PasswordScheme``."""
        match = _PARAMETERS.fullmatch(parameters)
        if match is None:
            return None
        iterations, length = int(match["iterations"]), int(match["length"])
        blocks = -(-length // _DIGESTS[match["digest"]])
        if length > _MOST_LENGTH:
            return f"it has {length} bytes, and {_MOST_LENGTH} is the most"
        if iterations * blocks > _MOST_WORK:
            return f"it takes {iterations} iterations, and {_MOST_WORK // blocks} is the most"
        return None

    def decoy(self, parameters: str) -> str:
        """See ``PasswordScheme``."""
        match = _PARAMETERS.fullmatch(parameters)
        length = 1 if match is None else int(match["length"])
        return f"{parameters}{_encode(secrets.token_bytes(_SALT_BYTES))}${_encode(secrets.token_bytes(length))}"

    def verify(self, password_hash: str, password: bytes) -> bool:
        """See ``PasswordScheme``."""
        match = _HASH.fullmatch(password_hash)
        if match is None:
            return False
        salt, tag = _decode(match["salt"]), _decode(match["tag"])
        made = hashlib.pbkdf2_hmac(match["digest"], password, salt, int(match["iterations"]), len(tag))
        return compare_digest(made, tag)


def pbkdf2_hash(digest: str, iterations: int, salt: bytes, tag: bytes) -> str | None:
    """The one spelling of a hash, None for one that cannot be."""
    made = f"$pbkdf2-{digest}$i={iterations},l={len(tag)}${_encode(salt)}${_encode(tag)}"
    return made if _HASH.fullmatch(made) else None


def _encode(octets: bytes) -> str:
    return b64encode(octets).decode().rstrip("=")


def _decode(text: str) -> bytes:
    try:
        return b64decode(text + "=" * (-len(text) % 4), validate=True)
    except Error:
        return b""
