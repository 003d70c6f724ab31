"""People's passwords as argon2id hashes in the PHC string format, by libsodium. RFC 9106.

libsodium uses the vectors that the processor has, which halves the time of a hash, and gives its memory back with the
answer, where the C library's allocator would keep it for each thread that hashes. It makes hashes of one lane.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from nacl.exceptions import CryptoError
from nacl.pwhash import argon2id

if TYPE_CHECKING:
    from valetkey.runtime.settings import Settings

_KIBIBYTE = 1024


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

    def are_those_of(self, password_hash: str) -> bool:
        """Whether the hash was made with these costs."""
        return password_hash.startswith(f"$argon2id$v=19$m={self.memory_cost},t={self.time_cost},p=1$")


def verify_password(password_hash: str, password: str) -> bool:
    """Whether this is the password of the hash, whatever it cost; False for what is no hash of argon2id or argon2i."""
    try:
        return argon2id.verify(password_hash.encode(), password.encode())
    except (CryptoError, ValueError):
        return False
