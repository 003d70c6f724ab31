"""What the endpoints work with, wired once."""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from aiohttp import web

from valetkey.authorize.browser import BrowserCookies
from valetkey.authorize.browser_code import BrowserCodes
from valetkey.authorize.csrf import Csrf
from valetkey.authorize.device import Devices
from valetkey.authorize.interaction_limit import InteractionLimit
from valetkey.authorize.pages import Pages
from valetkey.authorize.password import PasswordPool
from valetkey.core.ports import (
    CatalogSource,
    ClientFinder,
    Clock,
    CodeIssuer,
    ConsentStore,
    InteractionStore,
    KeySetSource,
    SessionStore,
    UserFinder,
)
from valetkey.core.session import Session
from valetkey.runtime.redis.login_attempts import LoginAttempts
from valetkey.runtime.redis.memory_reserve import MemoryReserve
from valetkey.runtime.settings import Settings


class UserStore(UserFinder, Protocol):
    """Users, and the one thing that a login may change about them."""

    async def rehash_password(self, subject: UUID, old_hash: str, new_hash: str) -> None:
        """Replace the hash of an unchanged password, unless the password was changed meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizeService:
    """Settings, stores and pages."""

    settings: Settings
    clients: ClientFinder
    catalog: CatalogSource
    keys: KeySetSource
    users: UserStore
    sessions: SessionStore
    consents: ConsentStore
    interactions: InteractionStore
    codes: CodeIssuer
    passwords: PasswordPool
    attempts: LoginAttempts
    interaction_limit: InteractionLimit
    reserve: MemoryReserve
    cookies: BrowserCookies
    devices: Devices
    browser_codes: BrowserCodes
    csrf: Csrf
    pages: Pages
    clock: Clock

    def path(self, endpoint: str) -> str:
        """The path of one of our endpoints, below the issuer's; no header of a request ever takes part in it."""
        return f"{self.settings.issuer_path}{endpoint}"

    async def find_session(self, request: web.Request) -> Session | None:
        """The live session of this browser; no store is asked where it has no session cookie."""
        secret = self.cookies.session_secret(request)
        return None if secret is None else await self.sessions.find(secret, self.clock())


AUTHORIZE = web.AppKey("authorize", AuthorizeService)
