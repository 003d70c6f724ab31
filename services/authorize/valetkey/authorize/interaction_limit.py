"""How many interactions one address may begin: each is kept for as long as a login may take, whoever asks for it."""

from dataclasses import dataclass
from typing import Self

from aiohttp import web
from redis.asyncio import Redis

from valetkey.authorize.shown_error import TooManyInteractions
from valetkey.runtime import audit
from valetkey.runtime.http.address import address_group, client_address
from valetkey.runtime.metrics import AUTHORIZATION_REQUESTS, RATE_LIMITED
from valetkey.runtime.redis.keyspace import RATE_LIMITS
from valetkey.runtime.redis.rate_limit_storage import RateLimitStorage
from valetkey.runtime.redis.window_limit import Standing, WindowLimit
from valetkey.runtime.settings import Settings

# Beyond what its address may begin; more than one person has open at once.
PER_DEVICE = 30


@dataclass(frozen=True, slots=True)
class InteractionLimit:
    """Counted once a request is known to be good and its user has to do something, before anything is stored.

    Strangers at an address must not keep its people out, so that a browser in which somebody has signed in before may
    begin a few more once the address may not.

    Whatever fails earlier, asks for ``prompt=none`` or is answered by a session stores no interaction and is not
    counted. By then the redirect URI is trusted; the refusal is a page all the same, because a client that hears of it
    tends to begin again at once, no error code says when to come back, and it is the address that has to wait.
    """

    limit: WindowLimit
    of_device: WindowLimit

    @classmethod
    def from_settings(cls, settings: Settings, redis: Redis) -> Self:
        """The limit of an installation; its window is the life of what is counted, so that it bounds what is kept."""
        storage, window = RateLimitStorage(redis, RATE_LIMITS), settings.login_lifetime
        return cls(
            WindowLimit(storage, "interactions", settings.interactions_per_address, window),
            WindowLimit(storage, "interactions_device", PER_DEVICE, window),
        )

    async def require(self, request: web.Request, settings: Settings, client_id: str, device_id: str | None) -> None:
        """Count one. Raises ``TooManyInteractions``, or ``TemporarilyUnavailable`` while Redis is away.

        ``device_id`` is that of a browser in which somebody has signed in before, whatever the address has begun.
        """
        address = client_address(request, settings.trusted_proxies)
        standing = await self.limit.count(address_group(address))
        if standing is Standing.WITHIN:
            return
        reason = "the address has begun too many interactions"
        if standing is Standing.JUST_SPENT:
            audit.emit(
                audit.AuditEvent(
                    type="authorization", outcome="failure", reason=reason, client_id=client_id, address=address
                )
            )
        if device_id is not None and await self.of_device.count(device_id) is Standing.WITHIN:
            return
        RATE_LIMITED.add(self.limit.name)
        AUTHORIZATION_REQUESTS.add("page", "rate_limited")
        raise TooManyInteractions(reason, self.limit.window)
