"""How many interactions one address and one browser may begin: each is kept for as long as a login may take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from aiohttp import web

from valetkey.authorize.browser.cookies import Browser
from valetkey.authorize.pages.shown_error import TooManyInteractions
from valetkey.core.oauth.authorization_request import AuthorizationRequest
from valetkey.core.oauth.parameter_limits import kept_kilobytes
from valetkey.runtime.http.address import address_group, client_address
from valetkey.runtime.settings.settings import Settings
from valetkey.runtime.telemetry import audit
from valetkey.runtime.telemetry.metrics import AUTHORIZATION_REQUESTS, RATE_LIMITED
from valetkey.storage.redis.kept.keyspace import RATE_LIMITS
from valetkey.storage.redis.limits.memory_reserve import MemoryReserve
from valetkey.storage.redis.limits.rate_limit_storage import RateLimitStorage
from valetkey.storage.redis.limits.window_limit import Standing, WindowLimit

if TYPE_CHECKING:
    from redis.asyncio import Redis

# Beyond what its address may begin; more than one person has open at once.
PER_DEVICE = 30


@dataclass(frozen=True, slots=True)
class InteractionLimit:
    """Counted once a request is known to be good and its user has to do something, before anything is stored.

    A request counts for its address once for each kilobyte that is kept of it, so that the limit is one of bytes too.
    For its browser it counts once: a browser that begins again and again must not use up what its whole network may.
    Other browsers at an address must not lock its users out: a browser in which a user has signed in before may begin
    a few more once the address may not.

    Whatever fails earlier, asks for ``prompt=none`` or is answered by a session stores no interaction and is not
    counted. By then the redirect URI is trusted; the refusal is a page all the same, because a client that gets an
    error tends to begin again at once, no error code says when to retry, and it is the address or browser that has to
    wait.
    """

    per_address: WindowLimit
    per_browser: WindowLimit
    of_device: WindowLimit

    @classmethod
    def from_settings(cls, settings: Settings, redis: Redis, reserve: MemoryReserve) -> Self:
        """The limits of an installation. Their window is the life of what is counted: so they bound what is kept."""
        storage, window = RateLimitStorage(redis, RATE_LIMITS, reserve), settings.login_lifetime
        return cls(
            WindowLimit(storage, "interactions", settings.interactions_per_address, window),
            WindowLimit(storage, "browser_interactions", settings.interactions_per_browser, window),
            WindowLimit(storage, "interactions_device", PER_DEVICE, window),
        )

    async def require(
        self,
        request: web.Request,
        settings: Settings,
        asked: AuthorizationRequest,
        browser: Browser,
        device_id: str | None,
    ) -> None:
        """Count one. Raises ``TooManyInteractions``, or ``TemporarilyUnavailable`` while Redis is away.

        ``device_id`` is that of a browser in which a user has signed in before, whatever the address has begun.
        """
        address = client_address(request, settings.trusted_proxies)
        # A browser that is known to have spent its own takes nothing of its address's.
        if self.per_browser.is_known_to_be_spent(browser.secret):
            raise self._refused(self.per_browser)
        # The address comes first: otherwise an attacker could create a count in Redis for each invented browser.
        standing = await self.per_address.count(address_group(address), amount=kept_kilobytes(asked))
        if standing is not Standing.WITHIN:
            _record_spent("address", standing, asked, address)
            if device_id is None or await self.of_device.count(device_id) is not Standing.WITHIN:
                raise self._refused(self.per_address)
        if browser.is_new:
            return
        standing = await self.per_browser.count(browser.secret)
        if standing is not Standing.WITHIN:
            _record_spent("browser", standing, asked, address)
            raise self._refused(self.per_browser)

    def _refused(self, limit: WindowLimit) -> TooManyInteractions:
        RATE_LIMITED.add(limit.name)
        AUTHORIZATION_REQUESTS.add("page", "rate_limited")
        who = "address" if limit is self.per_address else "browser"
        return TooManyInteractions(_reason(who), limit.window)


def _record_spent(who: str, standing: Standing, asked: AuthorizationRequest, address: str) -> None:
    if standing is Standing.JUST_SPENT:
        audit.emit(
            audit.AuditEvent(
                type="authorization", outcome="failure", reason=_reason(who), client_id=asked.client_id, address=address
            )
        )


def _reason(who: str) -> str:
    return f"the {who} has begun too many interactions"
