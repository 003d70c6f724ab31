"""``value``: the same for every user, and for the client itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from valetkey.core.oidc.claims import check
from valetkey.core.oidc.claims.registry import CLAIM

if TYPE_CHECKING:
    from collections.abc import Iterable

    from valetkey.core.oauth.resource import Catalog
    from valetkey.core.oidc.claims.policy.kind import Origin
    from valetkey.core.oidc.claims.table import ClaimTable


@dataclass(frozen=True, slots=True)
class Constant:
    """A text, a whole number, true or false, or a list of texts."""

    constant: str | int | bool | tuple[str, ...]

    @classmethod
    def read(cls, value: object) -> Self:
        """From a file. Raises ``ValueError``."""
        if isinstance(value, str | int) and not (check.text(value) and check.integer(value) and check.flag(value)):
            return cls(value)
        if isinstance(value, list) and check.texts(value) is None:
            return cls(tuple(value))
        raise ValueError(
            f"value: write a text of 1 to {check.MAX_TEXT} printable characters, a whole number, true or false, or a "
            f"list of at most {check.MAX_TEXTS} such texts"
        )

    def claim(self, _table: ClaimTable) -> str | None:
        """See ``Source``."""
        return None

    def value(self, _origin: Origin) -> object:
        """See ``Source``."""
        return list(self.constant) if isinstance(self.constant, tuple) else self.constant

    def is_list(self, _table: ClaimTable) -> bool:
        """See ``Source``."""
        return isinstance(self.constant, tuple)

    def problems(self, name: str, _catalog: Catalog) -> Iterable[str]:
        """See ``Source``. What a standard claim may be is said by its specification. OIDC Core §5.1."""
        claim = CLAIM.get(name)
        if claim is not None and not claim.is_list and (words := claim.check(self.constant)) is not None:
            yield f"value: {words}"
