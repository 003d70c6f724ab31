"""Passwords that operators give to users: what they must be, and the hash that is stored. NIST SP 800-63B §3.1.1."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from valetkey.administration.common_passwords import COUNT, is_common
from valetkey.administration.errors import Refused
from valetkey.core.authentication.password import normalize_password
from valetkey.core.authentication.user import normalize_login_name
from valetkey.core.encoding import b64url_encode
from valetkey.runtime.password_hash import PasswordCosts

if TYPE_CHECKING:
    from valetkey.runtime.settings.settings import Settings

MIN_LENGTH = 8
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


def password_problem(password: str, names: tuple[str, ...], max_bytes: int) -> str | None:
    """Why this cannot be a password, or None where it can."""
    password = normalize_password(password)
    if len(password) < MIN_LENGTH:
        return f"The password must have at least {MIN_LENGTH} characters."
    if len(password.encode()) > max_bytes:
        return f"The password must have at most {max_bytes} bytes: the login page refuses a longer one."
    if normalize_login_name(password) in {normalize_login_name(name) for name in names}:
        return "The password must not be the user name or the e-mail address."
    if is_common(password):
        return f"The password is one of the {COUNT:,} most common ones, which are guessed first: choose another."
    return None
