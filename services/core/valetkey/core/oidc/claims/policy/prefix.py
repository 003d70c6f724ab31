"""``prefix``: put before every text of a list, so that a reader of many issuers can tell them apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

MAX_LENGTH = 64


@dataclass(frozen=True, slots=True)
class Prefix:
    """As kube-apiserver has ``--oidc-groups-prefix``."""

    text: str

    @classmethod
    def read(cls, value: object) -> Self:
        """From a file. Raises ``ValueError``."""
        if not isinstance(value, str) or not 0 < len(value) <= MAX_LENGTH or not value.isprintable():
            raise ValueError(f"prefix: write 1 to {MAX_LENGTH} printable characters")
        return cls(value)

    def apply(self, values: list[str]) -> list[str]:
        """See ``Filter``."""
        return [self.text + value for value in values]
