"""The claims that an installation has: the standard ones and those of its custom attributes. OIDC Core §5.1, §5.1.2."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from valetkey.core.oidc.claims.registry import CLAIMS, Claim

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

    from valetkey.core.authentication.user import User
    from valetkey.core.oauth.scope import Scope

_EMPTY: tuple[object, ...] = (None, "", [], (), {})
MOST_SCOPES = 1024


def has_value(value: object) -> bool:
    """Whether a claim with this value is returned: null and empty ones are left out. OIDC Core §5.3.2."""
    return bool(value) or value not in _EMPTY


@dataclass(frozen=True, slots=True, eq=False)
class ClaimTable:
    """Every claim about users by its name, and every attribute that operators set by its.

    ``closed`` are scopes that open no claim, whatever they are called. ``opened`` is what lists of scopes, as they were
    granted, were found to open.
    """

    claims: Mapping[str, Claim]
    attributes: Mapping[str, Claim]
    names: frozenset[str]
    closed: frozenset[str] = frozenset()
    opened: dict[Scope, frozenset[str]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, claims: Iterable[Claim], closed: frozenset[str] = frozenset()) -> ClaimTable:
        """A table with these rows."""
        rows = {claim.name: claim for claim in sorted(claims, key=lambda claim: claim.name)}
        attributes = {claim.attribute_name: claim for claim in rows.values() if claim.column is None}
        return cls(rows, attributes, frozenset(rows), closed)

    def opened_by(self, scope: Scope) -> frozenset[str]:
        """The names of the claims that these scopes open. OIDC Core §5.4."""
        opened = self.opened.get(scope)
        if opened is None:
            opening = frozenset(scope) - self.closed
            opened = frozenset(name for name, claim in self.claims.items() if claim.scope in opening)
            if len(self.opened) >= MOST_SCOPES:
                self.opened.clear()
            self.opened[scope] = opened
        return opened

    def value(self, user: User, name: str) -> object:
        """The value of a claim, None where the user has none or there is no such claim."""
        claim = self.claims.get(name)
        return None if claim is None else claim.value(user)

    def values(self, user: User, names: Container[str]) -> dict[str, object]:
        """The values of these claims, without those that the user has none for. Reserved ones are in no table."""
        found = {}
        for name, claim in self.claims.items():
            if name in names and has_value(value := claim.value(user)):
                found[name] = value
        return found


STANDARD_CLAIMS = ClaimTable.of(CLAIMS)
