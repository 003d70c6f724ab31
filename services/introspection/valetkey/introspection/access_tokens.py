"""Whether an access token is good now: ours, unexpired, and revoked by nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from valetkey.core.oauth.errors import InvalidToken
from valetkey.core.oauth.revocation import is_revoked

if TYPE_CHECKING:
    from valetkey.core.ports.clock import Clock
    from valetkey.core.ports.revocations import RevocationReader
    from valetkey.introspection.verified_tokens import VerifiedToken, VerifiedTokens


class Revoked(InvalidToken):
    """The token, its authorization, its client or its user has been revoked. RFC 7009."""


@dataclass(frozen=True, slots=True)
class AccessTokens:
    """Signatures from memory, revocations from the store, every time."""

    verified: VerifiedTokens
    revocations: RevocationReader
    clock: Clock

    def read(self, value: str) -> VerifiedToken:
        """The token, if we signed it and it has not expired; ``InvalidToken`` otherwise. Asks no store."""
        return self.verified.verify(value, self.clock())

    async def require_live(self, verified: VerifiedToken) -> None:
        """Raise ``Revoked`` if the token was revoked; ``TemporarilyUnavailable`` if that cannot be known."""
        revocations = await self.revocations.find(verified.targets)
        if is_revoked(verified.token, revocations):
            raise Revoked("token has been revoked")
