"""``attribute``: the value of an attribute of the user, by the name that operators set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterable

    from valetkey.core.oauth.resource import Catalog
    from valetkey.core.oidc.claims.policy.kind import Origin
    from valetkey.core.oidc.claims.table import ClaimTable


@dataclass(frozen=True, slots=True)
class FromAttribute:
    """An attribute of the user by the name that operators set; the scope of its claim has to be granted."""

    name: str

    @classmethod
    def read(cls, value: object) -> Self:
        """From a file. Raises ``ValueError``."""
        if not isinstance(value, str):
            raise ValueError("attribute: write the name of an attribute")  # noqa: TRY004 - the file is at fault
        return cls(value)

    def claim(self, table: ClaimTable) -> str | None:
        """See ``Source``."""
        claim = table.attributes.get(self.name)
        return None if claim is None else claim.name

    def value(self, origin: Origin) -> object:
        """See ``Source``."""
        claim = origin.table.attributes.get(self.name)
        if origin.user is None or claim is None or claim.name not in origin.opened:
            return None
        return claim.value(origin.user)

    def is_list(self, table: ClaimTable) -> bool:
        """See ``Source``."""
        claim = table.attributes.get(self.name)
        return claim is not None and claim.is_list

    def problems(self, _name: str, catalog: Catalog) -> Iterable[str]:
        """See ``Source``."""
        if self.name not in catalog.claim_table.attributes:
            yield f"attribute: {self.name} is not declared; `valetkey attribute create` declares it"
