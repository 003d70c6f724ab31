"""bcrypt, as Dex, htpasswd and many frameworks have it. Hashes of it are checked, and never made.

It knows the first 72 bytes of a password, so any password that begins with those is right, as where the hash comes
from; the new hash that is made then is of the whole.
"""

from __future__ import annotations

import re
import secrets

import bcrypt

# `2a` and `2y` are what `2b` is called where it never was wrong; `2x` is the wrong one.
_SPELLING = re.compile(r"\$2[aby](\$[0-9]{2}\$[./A-Za-z0-9]{53})")
_PARAMETERS = re.compile(r"\$2b\$(?P<cost>0[4-9]|[12][0-9]|3[01])\$")
_HASH = re.compile(rf"({_PARAMETERS.pattern})[./A-Za-z0-9]{{53}}")
_DIGITS = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_SALT_DIGITS, _TAG_DIGITS = 21, 31
# The last digit of each holds two bits, and four: others stand for a text that bcrypt never writes.
_LAST_OF_SALT = ".Oeu"
_MOST_BYTES = 72
_MOST_COST = 14  # about a second


class Bcrypt:
    """See ``PasswordScheme``."""

    def stored_form(self, password_hash: str) -> str | None:
        """See ``PasswordScheme``."""
        match = _SPELLING.fullmatch(password_hash)
        text = None if match is None else f"$2b{match[1]}"
        return None if text is None or self.parameters_of(text) is None else text

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
        cost = 0 if match is None else int(match["cost"])
        return None if cost <= _MOST_COST else f"its cost is {cost}, and {_MOST_COST} is the most"

    def decoy(self, parameters: str) -> str:
        """See ``PasswordScheme``."""
        salt = "".join(secrets.choice(_DIGITS) for _ in range(_SALT_DIGITS)) + secrets.choice(_LAST_OF_SALT)
        return f"{parameters}{salt}{''.join(secrets.choice(_DIGITS) for _ in range(_TAG_DIGITS))}"

    def verify(self, password_hash: str, password: bytes) -> bool:
        """See ``PasswordScheme``."""
        try:
            return bcrypt.checkpw(password[:_MOST_BYTES], password_hash.encode())
        except ValueError:
            return False
