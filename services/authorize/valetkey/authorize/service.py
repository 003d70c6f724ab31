"""What the endpoints work with, wired once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from aiohttp import web

from valetkey.authorize.account.after_answers import AfterAnswers
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
from valetkey.core.oauth.revocation import Revocation
from valetkey.core.ports.authorization_codes import CodeIssuer
from valetkey.core.ports.clients import CatalogSource, ClientFinder
from valetkey.core.ports.clock import Clock
from valetkey.core.ports.interactions import InteractionStore
from valetkey.core.ports.keys import KeySetSource
from valetkey.core.ports.users import UserFinder
from valetkey.core.routes import Route
from valetkey.core.sealed_value import ValueSealer
from valetkey.runtime.settings.settings import Settings
from valetkey.runtime.settings.sign_in import KeepSignedIn
from valetkey.storage.postgres.tables.account_tokens import AccountTokens
from valetkey.storage.postgres.tables.consents import Consents
from valetkey.storage.postgres.tables.credentials import Credentials
from valetkey.storage.postgres.tables.email_changes import EmailChanges
from valetkey.storage.postgres.tables.mail_outbox import MailOutbox
from valetkey.storage.postgres.tables.own_account import OwnAccounts
from valetkey.storage.postgres.tables.sessions import Sessions
from valetkey.storage.postgres.tables.user_lifecycle import UserLifecycle
from valetkey.storage.redis.limits.login_attempts import LoginAttempts
from valetkey.storage.redis.limits.memory_reserve import MemoryReserve
from valetkey.storage.redis.limits.window_limit import WindowLimit


class RevocationPublisher(Protocol):
    """Where revocations go that a change to a user has stored."""

    async def publish(self, revocations: Sequence[Revocation]) -> None:
        """Tell Redis, where introspection looks first."""


class UserStore(UserFinder, Protocol):
    """Users, and the one thing that a login may change about them."""

    async def rehash_password(self, subject: UUID, old_hash: str, new_hash: str) -> None:
        """Replace the hash of an unchanged password, unless the password was changed meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizeService:
    """Settings, stores and pages. ``next_secrets`` make the secret of a session out of the one before.

    ``account`` is the account page as a client. ``credential_sealer`` is None without keys to seal what users share,
    ``passkeys`` where there are none.
    """

    settings: Settings
    clients: ClientFinder
    catalog: CatalogSource
    keys: KeySetSource
    users: UserStore
    account: Client
    user_lifecycle: UserLifecycle
    revocations: RevocationPublisher
    tokens: AccountTokens
    outbox: MailOutbox
    recoveries: WindowLimit
    email_requests: WindowLimit
    email_changes: EmailChanges
    own_accounts: OwnAccounts
    after_answers: AfterAnswers
    credentials: Credentials
    credential_sealer: ValueSealer | None
    passkeys: Ceremonies | None
    sessions: Sessions
    consents: Consents
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

    async def find_client(self, client_id: str) -> Client | None:
        """The client of this name, and our own account page, which is registered nowhere."""
        return self.account if client_id == self.account.client_id else await self.clients.find(client_id)

    def write_session(self, request: web.Request, response: web.StreamResponse, secret: str, session: Session) -> None:
        """Sign the browser in, until it is closed or, where the session is kept, until that ends."""
        is_kept = session.is_kept and self.settings.keep_signed_in != KeepSignedIn.NEVER
        self.cookies.write_session(
            request, response, secret, max_age=self.settings.session_lifetime if is_kept else None
        )

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
