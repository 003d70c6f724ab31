"""From attributes of a user, as an operator types them, to what is stored. OIDC Core §5.1."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from valetkey.core.authentication.user import User
from valetkey.core.oidc.claims.registry import ATTRIBUTE_CLAIMS, CLAIM, parse_attribute


def parse_attributes(values: Iterable[str]) -> dict[str, object]:
    """Each ``NAME=VALUE`` by its name. Raises ``ValueError``, which says what to write."""
    claims: dict[str, object] = {}
    for value in values:
        name, equals, text = value.partition("=")
        if not equals or name not in ATTRIBUTE_CLAIMS:
            raise ValueError(f"{value!r}: write NAME=VALUE with one of {', '.join(sorted(ATTRIBUTE_CLAIMS))}")
        claims[name] = parse_attribute(name, text)
    return claims


def attribute_problems(claims: Mapping[str, object]) -> list[str]:
    """What is wrong with attributes as a file has them, in words for an operator."""
    problems = []
    for name, value in claims.items():
        if name not in ATTRIBUTE_CLAIMS:
            problems.append(f"{name} is no attribute; choose from {', '.join(sorted(ATTRIBUTE_CLAIMS))}")
        elif (words := CLAIM[name].check(value)) is not None:
            problems.append(f"{name}: {words}")
    return problems


def email_problem(email: str) -> str | None:
    """How an e-mail address is to be written, None for one that is."""
    return CLAIM["email"].check(email)


def with_email(user: User, email: str | None, *, is_verified: bool | None) -> User:
    """The user with this address; None leaves the one there is. A new one is unverified unless it is said to be."""
    changed = email is not None and email != user.email
    verified = is_verified if is_verified is not None else user.email_verified and not changed
    return replace(user, email=user.email if email is None else email, email_verified=verified)
