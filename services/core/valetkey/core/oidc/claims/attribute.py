"""Custom attributes of users, declared once: what they are called, what they hold, which claim and scope they are.

OIDC Core §5.1.2: claims beside the standard ones.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from valetkey.core.oauth.scope import OFFLINE_ACCESS, OPENID
from valetkey.core.oidc.claims import check
from valetkey.core.oidc.claims.registry import CLAIM, CLAIMS, Claim
from valetkey.core.oidc.claims.reserved import RESERVED_CLAIMS
from valetkey.core.oidc.claims.table import ClaimTable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from valetkey.core.oauth.resource import RegisteredScope

MAX_ATTRIBUTES = 64
MAX_CLAIM_LENGTH = 128
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.\-]{0,63}")


class AttributeType(StrEnum):
    """What the values of an attribute are, as JSON calls it."""

    STRING = "string"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    STRINGS = "strings"


_CHECKS: Mapping[str, Callable[[object], str | None]] = {
    AttributeType.STRING: check.text,
    AttributeType.INTEGER: check.integer,
    AttributeType.BOOLEAN: check.flag,
    AttributeType.STRINGS: check.texts,
}


@dataclass(frozen=True, slots=True)
class UserAttribute:
    """``claim`` is what clients see, ``scope`` what the user agrees to before they do."""

    name: str
    type: AttributeType
    claim: str
    scope: str


def attribute_problems(attribute: UserAttribute, scopes: Mapping[str, RegisteredScope]) -> list[str]:
    """Everything that is wrong with a declaration by itself and with these scopes, in words for an operator."""
    problems = []
    if not _NAME.fullmatch(attribute.name):
        problems.append("name: use 1 to 64 letters, digits, dots, dashes and underscores, and a letter first")
    if attribute.name in CLAIM:
        problems.append(f"name: {attribute.name} is a standard claim, which needs no declaration")
    claim = attribute.claim
    if claim in RESERVED_CLAIMS:
        problems.append(f"claim: {claim} is reserved; the protocol sets it. Choose another name")
    elif claim in CLAIM:
        problems.append(f"claim: {claim} is a standard claim; choose another name, or rename it for a client")
    elif not 0 < len(claim) <= MAX_CLAIM_LENGTH or not claim.isprintable() or " " in claim:
        problems.append(f"claim: use 1 to {MAX_CLAIM_LENGTH} printable characters without spaces")
    registered = scopes.get(attribute.scope)
    if attribute.scope in (OPENID, OFFLINE_ACCESS):
        problems.append(f"scope: {attribute.scope} does not tell the user about it; choose profile, or one of its own")
    elif registered is None:
        problems.append(f"scope: {attribute.scope} is not registered; `valetkey scope create` registers it")
    elif registered.resource is not None:
        problems.append(f"scope: {attribute.scope} belongs to {registered.resource} and is not about the user")
    return problems


def attribute_set_problems(attributes: Iterable[UserAttribute]) -> list[str]:
    """What is wrong with all of them together."""
    listed = list(attributes)
    by_claim: dict[str, str] = {}
    problems = []
    for attribute in listed:
        other = by_claim.setdefault(attribute.claim, attribute.name)
        if other != attribute.name:
            problems.append(f"claim: {attribute.claim} is made from {other} already")
    if len(listed) > MAX_ATTRIBUTES:
        problems.append(f"there would be {len(listed)} attributes, and {MAX_ATTRIBUTES} is the most")
    return problems


def claim_table(attributes: Iterable[UserAttribute], scopes: Mapping[str, RegisteredScope]) -> ClaimTable:
    """The standard claims and those of these attributes. A scope that an API owns is about the API, and opens none."""
    of_apis = frozenset(name for name, scope in scopes.items() if scope.resource is not None)
    return ClaimTable.of((*CLAIMS, *map(_claim, attributes)), of_apis)


def _claim(attribute: UserAttribute) -> Claim:
    return Claim(
        name=attribute.claim,
        scope=attribute.scope,
        words=f"Your “{attribute.claim}”",
        check=_CHECKS[attribute.type],
        attribute=attribute.name,
        is_list=attribute.type is AttributeType.STRINGS,
    )
