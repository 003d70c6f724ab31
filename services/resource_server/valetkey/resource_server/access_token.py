"""What a valid access token proves. Knows nothing of how that was found out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class AccessToken:
    """Who may do what, until when. RFC 9068 §2.2, RFC 7662 §2.2."""

    subject: str
    """`sub`: the user, or the client itself for client credentials."""

    client_id: str
    scope: frozenset[str]
    audience: frozenset[str]
    expires_at: datetime
    """Aware, UTC."""

    jti: str
    claims: Mapping[str, Any] = field(repr=False, hash=False)
    """Everything that was said about the token, read-only; may hold personal data."""
