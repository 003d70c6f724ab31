"""``from``: the value of another claim, or of the claim itself. It is renamed: there it is not returned as before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterable

    from valetkey.core.oauth.resource import Catalog
    from valetkey.core.oidc.claims.policy.kind import Origin
    from valetkey.core.oidc.claims.table import ClaimTable

SUBJECT = "sub"


@dataclass(frozen=True, slots=True)
class FromClaim:
    """A claim about the user; its scope has to be granted as for the claim itself. ``sub`` needs none."""

    name: str

    @classmethod
    def read(cls, value: object) -> Self:
        """From a file. Raises ``ValueError``."""
        if not isinstance(value, str):
            raise ValueError("from: write the name of a claim")  # noqa: TRY004 - the file is at fault
        return cls(value)

    def claim(self, table: ClaimTable) -> str | None:
        """See ``Source``. ``sub`` stays what it is."""
        return self.name if self.name in table.names else None

    def value(self, origin: Origin) -> object:
        """See ``Source``."""
        if origin.user is None:
            return None
        if self.name == SUBJECT:
            return origin.user.sub
        return origin.table.value(origin.user, self.name) if self.name in origin.opened else None

    def is_list(self, table: ClaimTable) -> bool:
        """See ``Source``."""
        claim = table.claims.get(self.name)
        return claim is not None and claim.is_list

    def problems(self, name: str, catalog: Catalog) -> Iterable[str]:
        """See ``Source``."""
        if self.name != SUBJECT and self.name not in catalog.claim_table.names:
            what = "is no claim about users" if name == self.name else f"from: {self.name} is no claim about users"
            yield f"{what}; name one that discovery has, give a value, or declare an attribute"
