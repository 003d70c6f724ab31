"""What a resource server may learn about a token. RFC 7662 §2.2."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from valetkey.core.oauth.errors import InvalidToken
from valetkey.introspection.access_tokens import Revoked
from valetkey.runtime.telemetry.metrics import INTROSPECTIONS

if TYPE_CHECKING:
    from valetkey.core.client.client import Client
    from valetkey.core.oauth.access_token import AccessToken
    from valetkey.introspection.access_tokens import AccessTokens

INACTIVE = b'{"active":false}'


@dataclass(frozen=True, slots=True)
class Introspector:
    """Answers with JSON bytes: whatever is wrong with a token, the answer is the same."""

    access_tokens: AccessTokens
    issuer: str

    async def introspect(self, value: str, caller: Client) -> bytes:
        """The token's claims where it is active and the caller's business, otherwise ``active: false``.

        Refresh tokens are always ``active: false``: only the token endpoint reads them. RFC 7662 §2.2, §4.
        """
        try:
            verified = self.access_tokens.read(value)
            if not may_introspect(caller, verified.token, self.issuer):
                INTROSPECTIONS.add("foreign")
                return INACTIVE
            await self.access_tokens.require_live(verified)
        except Revoked:
            INTROSPECTIONS.add("revoked")
            return INACTIVE
        except InvalidToken:
            INTROSPECTIONS.add("invalid")
            return INACTIVE
        INTROSPECTIONS.add("active")
        return verified.answer


def may_introspect(caller: Client, token: AccessToken, issuer: str) -> bool:
    """Whether the token was issued to the caller, or for the resource server that the caller is. RFC 7662 §4.

    The issuer as the audience means no resource server, whatever one calls itself. RFC 9068 §3.
    """
    if token.client_id == caller.client_id:
        return True
    return caller.resource is not None and caller.resource != issuer and caller.resource in token.audience
