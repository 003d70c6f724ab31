"""What a valid access token proves. Knows nothing of how that was found out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class AccessToken:
    """Who may do what, until when. RFC 9068 §2.2, RFC 7662 §2.2."""

    subject: str
    """`sub`: the user, or the client itself for client credentials. Names a person only where `is_user`."""

    client_id: str
    scope: frozenset[str]
    audience: frozenset[str]
    expires_at: datetime
    """Aware, UTC."""

    jti: str
    claims: Mapping[str, Any] = field(repr=False, hash=False)
    """Everything that was said about the token, read-only; may hold personal data."""

    @property
    def is_user(self) -> bool:
        """Whether a person has signed in for this token: only then it says when (`auth_time`). RFC 9068 §2.2.1, §5."""
        return "auth_time" in self.claims

    @property
    def is_client(self) -> bool:
        """Whether the client acts for itself: no person has signed in, and it is its own subject. RFC 9068 §2.2."""
        return not self.is_user and self.subject == self.client_id
