"""How often client authentication may fail, per address and per ``client_id``. RFC 6749 §2.3.1, security item 40."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from valetkey.core.oauth.errors import TemporarilyUnavailable, TooManyRequests
from valetkey.runtime.http.address import address_group
from valetkey.runtime.telemetry import audit
from valetkey.runtime.telemetry.metrics import RATE_LIMITED
from valetkey.storage.redis.kept.keyspace import RATE_LIMITS
from valetkey.storage.redis.limits.rate_limit_storage import RateLimitStorage
from valetkey.storage.redis.limits.window_limit import Standing, WindowLimit

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from valetkey.runtime.settings.settings import Settings
    from valetkey.storage.redis.limits.memory_reserve import MemoryReserve


@dataclass(frozen=True, slots=True)
class ClientFailures:
    """Counts failures in Redis, and nothing else: a client that presents its right secret is never counted or refused.

    The secret is compared first and the failure counted then, atomically, before it is answered. Parallel guesses gain
    nothing by that order: no answer tells more about a secret when it is given before the limit than after it, and 256
    random bits are not guessed at any rate. The limit is there to bound what failures cost in logs, audit events and
    commands to Redis, and could be used to lock a client out if it stood before the comparison.
    """

    per_address: WindowLimit
    per_client: WindowLimit

    @classmethod
    def from_settings(cls, settings: Settings, redis: Redis, reserve: MemoryReserve) -> Self:
        """The limits of an installation; every service that authenticates clients shares them."""
        storage, window = RateLimitStorage(redis, RATE_LIMITS, reserve), settings.client_failures_window
        return cls(
            WindowLimit(storage, "client_address", settings.client_failures_per_address, window),
            WindowLimit(storage, "client", settings.client_failures_per_client, window),
        )

    async def count(self, client_id: str, address: str) -> None:
        """See ``FailureCounter`` in ``runtime.http.client_authenticator``.

        While Redis is away or has only its reserve left nothing is limited: the failure is a refusal all the same.
        """
        try:
            # The address comes first: once it is spent, whom it names is no longer looked at, let alone kept.
            await self._require_within(self.per_address, address_group(address), client_id, address)
            if client_id:
                await self._require_within(self.per_client, client_id, client_id, address)
        except TemporarilyUnavailable:
            return

    async def _require_within(self, limit: WindowLimit, key: str, client_id: str, address: str) -> None:
        standing = await limit.count(key)
        if standing is Standing.WITHIN:
            return
        RATE_LIMITED.add(limit.name)
        reason = f"the {limit.name} limit of failed authentications is spent"
        if standing is Standing.JUST_SPENT:
            audit.emit(
                audit.AuditEvent(
                    type="client.authentication",
                    outcome="failure",
                    reason=reason,
                    client_id=client_id,
                    address=address,
                )
            )
        raise TooManyRequests(reason, limit.window)
