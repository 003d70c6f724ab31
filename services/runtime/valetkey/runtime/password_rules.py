"""What a password must be, chosen by a user or an operator. NIST SP 800-63B §3.1.1."""

from __future__ import annotations

from valetkey.core.authentication.password import normalize_password
from valetkey.core.authentication.user import normalize_login_name
from valetkey.core.message import Message
from valetkey.runtime.common_passwords import is_common

MIN_LENGTH = 8


def password_problem(password: str, names: tuple[str, ...], max_bytes: int) -> Message | None:
    """Why this cannot be a password, or None where it can."""
    password = normalize_password(password)
    if len(password) < MIN_LENGTH:
        return Message("The password must have at least %(count)d characters.", count=MIN_LENGTH)
    if len(password.encode()) > max_bytes:
        return Message(
            "The password must have at most %(count)d bytes: the login page refuses a longer one.", count=max_bytes
        )
    if normalize_login_name(password) in {normalize_login_name(name) for name in names}:
        return Message("The password must not be the user name or the e-mail address.")
    if is_common(password):
        return Message("The password is one of the 100,000 most common ones, which are guessed first: choose another.")
    return None
