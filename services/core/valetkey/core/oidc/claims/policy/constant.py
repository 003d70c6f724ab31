"""``value``: the same for every user, and for the client itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, cast

from valetkey.core.oidc.claims.registry import CLAIM

if TYPE_CHECKING:
    from collections.abc import Iterable

    from valetkey.core.oauth.resource import Catalog
    from valetkey.core.oidc.claims.policy.kind import Origin
    from valetkey.core.oidc.claims.table import ClaimTable

MAX_TEXT = 255
MAX_TEXTS = 50
_LARGEST = 2**53 - 1  # RFC 8259 §6: what every reader of JSON takes for the same number.


@dataclass(frozen=True, slots=True)
class Constant:
    """A text, a whole number, true or false, or a list of texts."""

    constant: str | int | bool | tuple[str, ...]

    @classmethod
    def read(cls, value: object) -> Self:
        """From a file. Raises ``ValueError``."""
        match value:
            case bool():
                return cls(value)
            case int() if abs(value) <= _LARGEST:
                return cls(value)
            case str() if _is_text(value):
                return cls(value)
            case list() if 0 < len(value) <= MAX_TEXTS and all(map(_is_text, value)):
                return cls(tuple(cast("list[str]", value)))
        raise ValueError(
            f"value: write a text of 1 to {MAX_TEXT} printable characters, a whole number, true or false, or a list of "
            f"at most {MAX_TEXTS} such texts"
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


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip()) and len(value) <= MAX_TEXT and value.isprintable()
