"""Argon2id and argon2i in the PHC string format, by libsodium. RFC 9106.

libsodium uses the vectors that the processor has, which halves the time of a hash, and gives its memory back with the
answer, where the C library's allocator would keep it for each thread that hashes. It makes hashes of one lane, and
checks hashes of any number.
"""

from __future__ import annotations

import re
import secrets
from base64 import b64encode

from nacl.exceptions import CryptoError
from nacl.pwhash import argon2id

_PARAMETERS = re.compile(r"\$argon2id?\$v=19\$m=(?P<memory>[0-9]+),t=(?P<passes>[0-9]+),p=[0-9]+\$")
_HASH = re.compile(rf"({_PARAMETERS.pattern})[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+")
_SALT_BYTES, _TAG_BYTES = 16, 32
# Each thread that hashes takes as much. Django's hashes take 100 MiB.
_MOST_MEMORY = 128 << 10  # KiB
_MOST_WORK = 1 << 20  # KiB times passes: about a second


class Argon2:
    """See ``PasswordScheme``."""

    def stored_form(self, password_hash: str) -> str | None:
        """See ``PasswordScheme``."""
        text = password_hash.removeprefix("argon2$")  # as Django has it
        text = text if text.startswith("$") else f"${text}"
        return text.rstrip("=") if _HASH.fullmatch(text.rstrip("=")) else None

    def parameters_of(self, password_hash: str) -> str | None:
        """See ``PasswordScheme``."""
        match = _HASH.fullmatch(password_hash)
        return None if match is None else match[1]

    def are_parameters(self, text: str) -> bool:
        """See ``PasswordScheme``."""
        return _PARAMETERS.fullmatch(text) is not None

    def cost_problem(self, parameters: str) -> str | None:
        """See ``PasswordScheme``."""
        match = _PARAMETERS.fullmatch(parameters)
        memory, passes = (0, 0) if match is None else (int(match["memory"]), int(match["passes"]))
        if memory > _MOST_MEMORY:
            return f"it takes {memory} KiB of memory, and {_MOST_MEMORY} is the most"
        if memory * passes > _MOST_WORK:
            return f"{passes} passes over {memory} KiB take too long; {_MOST_WORK // max(memory, 1)} is the most"
        return None

    def decoy(self, parameters: str) -> str:
        """See ``PasswordScheme``."""
        salt, tag = (b64encode(secrets.token_bytes(size)).decode().rstrip("=") for size in (_SALT_BYTES, _TAG_BYTES))
        return f"{parameters}{salt}${tag}"

    def verify(self, password_hash: str, password: bytes) -> bool:
        """See ``PasswordScheme``."""
        try:
            return argon2id.verify(password_hash.encode(), password)
        except (CryptoError, ValueError):
            return False
