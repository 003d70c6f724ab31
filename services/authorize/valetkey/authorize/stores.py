"""What the endpoints work with, over open stores, and closed again."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

from valetkey.authorize.account.after_answers import AfterAnswers
from valetkey.authorize.account.page_client import PAGES, account_client
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
from valetkey.authorize.service import AuthorizeService
from valetkey.core.ports.clock import Clock
from valetkey.core.sealed_value import SealingKeys, ValueSealer
from valetkey.runtime.http.cookies import Cookies, scope_of
from valetkey.runtime.password_hash import PasswordCosts
from valetkey.runtime.settings.settings import Settings
from valetkey.storage.postgres.tables.account_tokens import AccountTokens
from valetkey.storage.postgres.tables.consents import Consents
from valetkey.storage.postgres.tables.credentials import Credentials
from valetkey.storage.postgres.tables.email_changes import EmailChanges
from valetkey.storage.postgres.tables.mail_outbox import MailOutbox
from valetkey.storage.postgres.tables.own_account import OwnAccounts
from valetkey.storage.postgres.tables.password_parameters import PasswordParameters
from valetkey.storage.postgres.tables.session_count import SessionCount
from valetkey.storage.postgres.tables.sessions import Sessions
from valetkey.storage.postgres.tables.user_lifecycle import UserLifecycle
from valetkey.storage.postgres.tables.users import Users
from valetkey.storage.redis.kept.codes import RedisCodes
from valetkey.storage.redis.kept.interactions import RedisInteractions
from valetkey.storage.redis.kept.keyspace import RATE_LIMITS
from valetkey.storage.redis.limits.code_limits import CodeLimits
from valetkey.storage.redis.limits.login_attempts import LoginAttempts
from valetkey.storage.redis.limits.rate_limit_storage import RateLimitStorage
from valetkey.storage.redis.limits.window_limit import WindowLimit
from valetkey.storage.sealing import create_sealer
from valetkey.storage.stores import Stores


@asynccontextmanager
async def open_service(
    settings: Settings, stores: Stores, pages: Pages, clock: Clock
) -> AsyncIterator[AuthorizeService]:
    """The service; it opens while PostgreSQL and Redis are away, too, and then says 503."""
    async with AsyncExitStack() as stack:
        passwords = _passwords(settings)
        stack.callback(passwords.close)
        after_answers = AfterAnswers()
        stack.push_async_callback(after_answers.close)
        parameters = PasswordParameters(stores.database, passwords.expect)
        stack.push_async_callback(parameters.close)
        await parameters.start()
        session_count = SessionCount(stores.database, clock)
        stack.push_async_callback(session_count.close)
        await session_count.start()
        cookie_keys, sealer = settings.cookie_keys.reveal(), create_sealer(settings)
        outbox = MailOutbox.from_settings(settings, stores.database)
        limits = RateLimitStorage(stores.redis, RATE_LIMITS, stores.reserve)
        yield AuthorizeService(
            settings=settings,
            clients=stores.clients,
            catalog=stores.catalog,
            keys=stores.jwk_set,
            users=Users(stores.database),
            account=account_client(settings, PAGES),
            user_lifecycle=UserLifecycle(stores.database),
            revocations=stores.revocations,
            tokens=AccountTokens(stores.database),
            outbox=outbox,
            recoveries=WindowLimit(limits, "recoveries", settings.mail_per_address, settings.mail_window),
            email_requests=WindowLimit(limits, "email_requests", settings.mail_per_recipient, settings.mail_window),
            email_changes=EmailChanges(stores.database, outbox),
            own_accounts=OwnAccounts(stores.database, outbox),
            after_answers=after_answers,
            credentials=Credentials(stores.database),
            credential_sealer=_credential_sealer(settings),
            passkeys=Ceremonies.from_settings(settings, stores.database, stores.redis, stores.reserve, clock),
            sessions=Sessions.from_settings(settings, stores.database, stores.revocations.publish),
            consents=Consents(stores.database),
            interactions=RedisInteractions(
                stores.redis, lifetime=timedelta(seconds=settings.login_lifetime), sealer=sealer, clock=clock
            ),
            codes=RedisCodes(
                stores.redis,
                CodeLimits(settings.codes_per_user_and_client, settings.codes_per_session, settings.codes_per_user),
                lifetime=timedelta(seconds=settings.authorization_code_lifetime),
                tombstone=timedelta(seconds=settings.access_token_lifetime),
                sealer=sealer,
                clock=clock,
            ),
            passwords=passwords,
            attempts=LoginAttempts.from_settings(settings, stores.redis, stores.reserve),
            ignored_scopes=IgnoredScopes(),
            interaction_limit=InteractionLimit.from_settings(settings, stores.redis, stores.reserve),
            reserve=stores.reserve,
            cookies=BrowserCookies(Cookies(https=settings.issuer_is_https, scope=scope_of(settings.issuer))),
            devices=Devices(cookie_keys),
            browser_codes=BrowserCodes(cookie_keys),
            csrf=Csrf(cookie_keys),
            next_secrets=Mac(cookie_keys, "next session secret"),
            pages=pages,
            clock=clock,
        )


def _credential_sealer(settings: Settings) -> ValueSealer | None:
    keys = settings.credential_keys
    return ValueSealer(SealingKeys(keys.reveal())) if keys.is_set else None


def _passwords(settings: Settings) -> PasswordPool:
    return PasswordPool(
        PasswordCosts.of(settings),
        max_length=settings.password_max_length,
        workers=settings.password_workers,
        queue=settings.password_queue,
        deadline=timedelta(seconds=settings.password_deadline),
    )
