"""Hashes of people's passwords: argon2id for new ones, and what other systems have made until the next login.

A scheme is a file in ``password_schemes`` and a line here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from nacl.pwhash import argon2id

from valetkey.runtime.password_schemes.argon2 import Argon2
from valetkey.runtime.password_schemes.bcrypt import Bcrypt
from valetkey.runtime.password_schemes.pbkdf2 import Pbkdf2

if TYPE_CHECKING:
    from valetkey.runtime.password_schemes.scheme import PasswordScheme
    from valetkey.runtime.settings.settings import Settings

_SCHEMES: tuple[PasswordScheme, ...] = (Argon2(), Bcrypt(), Pbkdf2())
_KIBIBYTE = 1024
NO_PASSWORD = "!"  # noqa: S105 - no password fits
"""What is stored of a user who has no password."""


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


def stored_form(password_hash: str) -> str:
    """A hash that another system has made, as it is stored here. Raises ``ValueError``, which says why it cannot be.

    A hash whose check would keep a thread for long, or take much memory, is none that may be stored.
    """
    for scheme in _SCHEMES:
        stored = scheme.stored_form(password_hash)
        parameters = None if stored is None else scheme.parameters_of(stored)
        if stored is None or parameters is None:
            continue
        if (problem := scheme.cost_problem(parameters)) is not None:
            raise ValueError(f"checking this hash would cost too much: {problem}")
        return stored
    raise ValueError("this is no hash of argon2id, argon2i, bcrypt or PBKDF2 in a form that is known here")


def parameters_of(password_hash: str) -> str | None:
    """The beginning of a hash, which decides the work of checking it; None for what ``verify_password`` cannot read."""
    return next((found for each in _SCHEMES if (found := each.parameters_of(password_hash)) is not None), None)


def are_parameters(text: str) -> bool:
    """Whether this is a beginning that ``parameters_of`` tells of."""
    return any(scheme.are_parameters(text) for scheme in _SCHEMES)


def decoy(parameters: str) -> str:
    """A hash with these parameters that no password fits: it is as much work to check as any other."""
    return next(each for each in _SCHEMES if each.are_parameters(parameters)).decoy(parameters)


def verify_password(password_hash: str, password: str) -> bool:
    """Whether this is the password of the hash, whatever it cost; False for what is no hash."""
    for scheme in _SCHEMES:
        if scheme.parameters_of(password_hash) is not None:
            return scheme.verify(password_hash, password.encode())
    return False
