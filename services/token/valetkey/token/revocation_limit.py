"""How many access tokens may be revoked one by one, each of which both stores have to remember until it expires.

Refresh tokens are not counted: revoking one ends its whole authorization, which is remembered once, and how many
authorizations there are is limited elsewhere. RFC 7009 §2.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self
from uuid import UUID

from valetkey.core.client.client import Client
from valetkey.core.oauth.errors import TemporarilyUnavailable, TooManyRequests
from valetkey.runtime.http.address import caller_address
from valetkey.runtime.settings.settings import Settings
from valetkey.runtime.telemetry import audit
from valetkey.runtime.telemetry.metrics import RATE_LIMITED
from valetkey.storage.redis.kept.keyspace import RATE_LIMITS
from valetkey.storage.redis.limits.rate_limit_storage import RateLimitStorage
from valetkey.storage.redis.limits.window_limit import Standing, WindowLimit

if TYPE_CHECKING:
    from redis.asyncio import Redis

PER_AUTHORIZATION = 100


@dataclass(frozen=True, slots=True)
class RevocationLimit:
    """Counts by client; by authorization where the client is public, because any caller can present its ``client_id``.

    The window is the life of an access token, so that it bounds what is remembered at a time.
    """

    per_client: WindowLimit
    per_authorization: WindowLimit

    @classmethod
    def from_settings(cls, settings: Settings, redis: Redis) -> Self:
        """The limits of an installation. They have no part in the reserve of Redis, which is for revocations."""
        storage, window = RateLimitStorage(redis, RATE_LIMITS), settings.access_token_lifetime
        return cls(
            WindowLimit(storage, "revocations", settings.revocations_per_client, window),
            WindowLimit(storage, "revocations_of_authorization", PER_AUTHORIZATION, window),
        )

    async def require(self, client: Client, authorization_id: UUID) -> None:
        """Count one access token. Raises ``TooManyRequests``; revoking the refresh token instead is never refused.

        While Redis is away nothing is counted: PostgreSQL remembers the revocation, and the answer is 503 anyway.
        """
        limit, key = (self.per_authorization, authorization_id) if client.is_public else (self.per_client, client.uid)
        try:
            standing = await limit.count(str(key))
        except TemporarilyUnavailable:
            return
        if standing is Standing.WITHIN:
            return
        RATE_LIMITED.add(limit.name)
        reason = f"the limit {limit.name} is spent"
        if standing is Standing.JUST_SPENT:
            audit.emit(
                audit.AuditEvent(
                    type="token.revoked",
                    outcome="failure",
                    reason=reason,
                    client_id=client.client_id,
                    authorization_id=str(authorization_id),
                    address=caller_address(),
                )
            )
        raise TooManyRequests(reason, limit.window)
