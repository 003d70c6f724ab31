"""From attributes of a user, as an operator types them, to what is stored. OIDC Core §5.1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailSyntaxError, validate_email

from valetkey.administration.errors import Refused
from valetkey.core.authentication.user import User
from valetkey.core.oidc.claims.bound import MAX_BYTES, claims_size
from valetkey.core.oidc.claims.registry import CLAIM, Claim, parse_attribute
from valetkey.core.oidc.claims.table import ClaimTable

# A company's own network may have names such as `.local` and `.test`. The library says to change its list.
SPECIAL_USE_DOMAIN_NAMES.clear()


def parse_attributes(values: Mapping[str, str], table: ClaimTable) -> dict[str, object]:
    """Each attribute by its name, as it is stored. Raises ``ValueError``, which says what to write."""
    return {name: parse_attribute(_declared(name, table), text) for name, text in values.items()}


def require_bounded(claims: Mapping[str, object]) -> None:
    """Raise ``Refused`` where the attributes of a user are more than would fit into a token."""
    size = claims_size(claims)
    if size > MAX_BYTES:
        raise Refused(f"The attributes would take {size} bytes of JSON, and {MAX_BYTES} is the most; shorten some.")


def _declared(name: str, table: ClaimTable) -> Claim:
    claim = table.attributes.get(name)
    if claim is None:
        raise ValueError(
            f"{name}: no such attribute; choose from {', '.join(sorted(table.attributes))}, or declare it with "
            "`valetkey attribute create`"
        )
    return claim


def attribute_problems(claims: Mapping[str, object], table: ClaimTable) -> list[str]:
    """What is wrong with attributes as a file has them, in words for an operator."""
    problems = []
    for name, value in claims.items():
        claim = table.attributes.get(name)
        if claim is None:
            problems.append(f"{name} is no attribute; choose from {', '.join(sorted(table.attributes))}, or declare it")
        elif (words := claim.check(value)) is not None:
            problems.append(f"{name}: {words}")
    return problems


def email_problem(email: str) -> str | None:
    """How an e-mail address is to be written, None for one that is."""
    if (problem := CLAIM["email"].check(email)) is not None:
        return problem
    try:
        # No look-up of its domain, which may be one that only the company's own network knows.
        validate_email(email, check_deliverability=False, globally_deliverable=False)
    except EmailSyntaxError as error:
        return f"write an e-mail address such as ada@example.com: {error}"
    return None


def with_email(user: User, email: str | None, *, is_verified: bool | None) -> User:
    """The user with this address; None leaves the one there is. A new one is unverified unless it is said to be."""
    changed = email is not None and email != user.email
    verified = is_verified if is_verified is not None else user.email_verified and not changed
    return replace(user, email=user.email if email is None else email, email_verified=verified)
