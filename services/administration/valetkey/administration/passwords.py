"""Passwords that operators give to users, and the hash that is stored."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from valetkey.administration.errors import Refused
from valetkey.core.authentication.password import normalize_password
from valetkey.core.encoding import b64url_encode
from valetkey.runtime.password_hash import PasswordCosts
from valetkey.runtime.password_rules import password_problem

if TYPE_CHECKING:
    from valetkey.runtime.settings.settings import Settings

_GENERATED_BYTES = 18


def generate_password() -> str:
    """A password of 144 bits that can be typed."""
    return b64url_encode(secrets.token_bytes(_GENERATED_BYTES))


def hash_password(password: str, names: tuple[str, ...], settings: Settings) -> str:
    """The argon2id hash, with the costs that the login expects. Raises ``Refused`` where the password will not do.

    ``names`` are what the user signs in with; no password may be one of them.
    """
    if (problem := password_problem(password, names, settings.password_max_length)) is not None:
        raise Refused(problem)
    return PasswordCosts.of(settings).hash(normalize_password(password))
