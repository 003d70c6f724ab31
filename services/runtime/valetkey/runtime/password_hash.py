"""People's passwords as argon2id hashes in the PHC string format, by libsodium. RFC 9106.

libsodium uses the vectors that the processor has, which halves the time of a hash, and gives its memory back with the
answer, where the C library's allocator would keep it for each thread that hashes. It makes hashes of one lane.
"""

from __future__ import annotations

import re
import secrets
from base64 import b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from nacl.exceptions import CryptoError
from nacl.pwhash import argon2id

if TYPE_CHECKING:
    from valetkey.runtime.settings.settings import Settings

_KIBIBYTE = 1024
# What a stored hash begins with, as far as it decides the work of checking it. Another scheme (bcrypt, PBKDF2) is one
# more alternative here, one more ending in `decoy`, and one more statement in `postgres.password_parameters`.
_PARAMETERS = r"\$argon2id?\$v=19\$m=[0-9]+,t=[0-9]+,p=[0-9]+\$"
_HASH = re.compile(rf"({_PARAMETERS})[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+")
_SALT_BYTES, _TAG_BYTES = 16, 32


@dataclass(frozen=True, slots=True)
class PasswordCosts:
    """What a hash costs: ``time_cost`` passes over ``memory_cost`` KiB. RFC 9106 §3.1."""

    time_cost: int
    memory_cost: int

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """What the operator wants a new hash to cost."""
        return cls(settings.password_time_cost, settings.password_memory_cost)

    def hash(self, password: str) -> str:
        """A hash with a salt of its own."""
        return argon2id.str(password.encode(), self.time_cost, self.memory_cost * _KIBIBYTE).decode("ascii")

    @property
    def parameters(self) -> str:
        """What every hash of these costs begins with."""
        return f"$argon2id$v=19$m={self.memory_cost},t={self.time_cost},p=1$"

    def are_those_of(self, password_hash: str) -> bool:
        """Whether the hash was made with these costs."""
        return password_hash.startswith(self.parameters)


def parameters_of(password_hash: str) -> str | None:
    """The beginning of a hash, which decides the work of checking it; None for what ``verify_password`` cannot read."""
    match = _HASH.fullmatch(password_hash)
    return None if match is None else match[1]


def are_parameters(text: str) -> bool:
    """Whether this is a beginning that ``parameters_of`` tells of."""
    return re.fullmatch(_PARAMETERS, text) is not None


def decoy(parameters: str) -> str:
    """A hash with these parameters that no password fits: it is as much work to check as any other."""
    salt, tag = (b64encode(secrets.token_bytes(size)).decode().rstrip("=") for size in (_SALT_BYTES, _TAG_BYTES))
    return f"{parameters}{salt}${tag}"


def verify_password(password_hash: str, password: str) -> bool:
    """Whether this is the password of the hash, whatever it cost; False for what is no hash of argon2id or argon2i."""
    try:
        return argon2id.verify(password_hash.encode(), password.encode())
    except (CryptoError, ValueError):
        return False
