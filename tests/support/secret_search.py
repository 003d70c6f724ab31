"""Looks for secrets where they must not be: whole, in part, or encoded as they travel."""

import base64
from dataclasses import dataclass, field
from urllib.parse import quote_plus

_SHORTEST = 16


@dataclass
class Secrets:
    """What must not be found, by what it is."""

    values: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, value: str) -> None:
        """One more. Anything shorter would be found by chance."""
        assert len(value) >= _SHORTEST, name
        self.values[name] = value

    def found_in(self, text: str) -> set[str]:
        """Which of them are in the text."""
        return {name for name, value in self.values.items() for form in _forms(value) if form in text}


def _forms(value: str) -> set[str]:
    raw = value.encode()
    # Signatures and MACs stand at the end: half a token is half a secret.
    return {
        value,
        quote_plus(value),
        value[len(value) // 2 :],
        base64.b64encode(raw).decode().rstrip("="),
        base64.urlsafe_b64encode(raw).decode().rstrip("="),
        raw.hex(),
    }
