"""What a password must be, chosen by a user or an operator. NIST SP 800-63B §3.1.1."""

from __future__ import annotations

from valetkey.core.authentication.password import normalize_password
from valetkey.core.authentication.user import normalize_login_name
from valetkey.runtime.common_passwords import COUNT, is_common

MIN_LENGTH = 8


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
