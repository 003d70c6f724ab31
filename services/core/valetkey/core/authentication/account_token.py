"""Tokens in links that stand for a user, such as to choose a password when the old one is forgotten."""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import timedelta
from enum import StrEnum

LIFETIME = timedelta(minutes=30)
EMAIL_LIFETIME = timedelta(minutes=60)
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


class TokenPurpose(StrEnum):
    """What a token is for. None counts for anything else."""

    PASSWORD_RESET = "password_reset"  # noqa: S105 - a purpose
    EMAIL_VERIFICATION = "email_verification"
    EMAIL_CHANGE = "email_change"
    EMAIL_REVERT = "email_revert"


def generate_token() -> str:
    """A new token of 256 bits."""
    return secrets.token_urlsafe(32)


def token_digest(purpose: TokenPurpose, token: str) -> bytes | None:
    """What is stored of a token, which is random enough for a plain SHA-256; None for what is none."""
    if _TOKEN.fullmatch(token) is None:
        return None
    return hashlib.sha256(f"valetkey account token\0{purpose}\0{token}".encode()).digest()
