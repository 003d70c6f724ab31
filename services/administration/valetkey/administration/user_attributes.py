"""From attributes of a user, as an operator types them, to what is stored. OIDC Core §5.1."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from valetkey.core.authentication.user import User
from valetkey.core.oidc.claims.registry import CLAIM, parse_attribute
from valetkey.core.oidc.claims.table import STANDARD_CLAIMS


def parse_attributes(values: Iterable[str]) -> dict[str, object]:
    """Each ``NAME=VALUE`` by its name. Raises ``ValueError``, which says what to write."""
    claims: dict[str, object] = {}
    for value in values:
        name, equals, text = value.partition("=")
        if not equals or name not in STANDARD_CLAIMS.attributes:
            raise ValueError(f"{value!r}: write NAME=VALUE with one of {', '.join(sorted(STANDARD_CLAIMS.attributes))}")
        claims[name] = parse_attribute(STANDARD_CLAIMS.attributes[name], text)
    return claims


def email_problem(email: str) -> str | None:
    """How an e-mail address is to be written, None for one that is."""
    return CLAIM["email"].check(email)


def with_email(user: User, email: str | None, *, is_verified: bool | None) -> User:
    """The user with this address; None leaves the one there is. A new one is unverified unless it is said to be."""
    changed = email is not None and email != user.email
    verified = is_verified if is_verified is not None else user.email_verified and not changed
    return replace(user, email=user.email if email is None else email, email_verified=verified)
