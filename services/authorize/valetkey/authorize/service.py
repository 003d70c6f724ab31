"""What the endpoints work with, wired once."""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from aiohttp import web

from valetkey.authorize.browser.cookies import BrowserCookies
from valetkey.authorize.browser.csrf import Csrf
from valetkey.authorize.browser.keyed_mac import Mac
from valetkey.authorize.flow.ignored_scopes import IgnoredScopes
from valetkey.authorize.flow.interaction_limit import InteractionLimit
from valetkey.authorize.login.browser_code import BrowserCodes
from valetkey.authorize.login.device_cookie import Devices
from valetkey.authorize.login.passkeys.ceremonies import Ceremonies
from valetkey.authorize.login.password import PasswordPool
from valetkey.authorize.pages.renderer import Pages
from valetkey.core.authentication.session import Session, SignedIn
from valetkey.core.client.client import Client
from valetkey.core.ports.authorization_codes import CodeIssuer
from valetkey.core.ports.clients import CatalogSource, ClientFinder
from valetkey.core.ports.clock import Clock
from valetkey.core.ports.consents import ConsentStore
from valetkey.core.ports.interactions import InteractionStore
from valetkey.core.ports.keys import KeySetSource
from valetkey.core.ports.sessions import SessionStore
from valetkey.core.ports.users import UserFinder
from valetkey.core.routes import Route
from valetkey.core.sealed_value import ValueSealer
from valetkey.runtime.settings.settings import Settings
from valetkey.storage.postgres.tables.credentials import Credentials
from valetkey.storage.redis.limits.login_attempts import LoginAttempts
from valetkey.storage.redis.limits.memory_reserve import MemoryReserve


class UserStore(UserFinder, Protocol):
    """Users, and the one thing that a login may change about them."""

    async def rehash_password(self, subject: UUID, old_hash: str, new_hash: str) -> None:
        """Replace the hash of an unchanged password, unless the password was changed meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizeService:
    """Settings, stores and pages. ``next_secrets`` make the secret of a session out of the one before.

    ``credential_sealer`` is None where there are no keys to seal what users share with us, ``passkeys`` where there are
    none.
    """

    settings: Settings
    clients: ClientFinder
    catalog: CatalogSource
    keys: KeySetSource
    users: UserStore
    credentials: Credentials
    credential_sealer: ValueSealer | None
    passkeys: Ceremonies | None
    sessions: SessionStore
    consents: ConsentStore
    interactions: InteractionStore
    codes: CodeIssuer
    passwords: PasswordPool
    attempts: LoginAttempts
    ignored_scopes: IgnoredScopes
    interaction_limit: InteractionLimit
    reserve: MemoryReserve
    cookies: BrowserCookies
    devices: Devices
    browser_codes: BrowserCodes
    csrf: Csrf
    next_secrets: Mac
    pages: Pages
    clock: Clock

    def path(self, route: Route) -> str:
        """The path of one of our routes, below the issuer's; no header of a request ever takes part in it."""
        return f"{self.settings.issuer_path}{route.path}"

    async def find_session(self, request: web.Request) -> Session | None:
        """The live session of this browser; no store is asked where it has no session cookie."""
        secret = self.cookies.session_secret(request)
        return None if secret is None else await self.sessions.find(secret, self.clock())

    async def find_signed_in(self, request: web.Request, client: Client) -> SignedIn | None:
        """The same, with what the user has agreed to for this client."""
        secret = self.cookies.session_secret(request)
        return None if secret is None else await self.sessions.find_signed_in(secret, client.uid, self.clock())


AUTHORIZE = web.AppKey("authorize", AuthorizeService)
